"""Pays what is due, and looks for what no message told of."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db.models.functions import Now

from billing.partners import selectors
from billing.partners.models import Referral, Reward
from billing.partners.services.earning import look
from billing.partners.services.paying import pay

_BATCH: Final = 100
_AFTER_A_STUMBLE: Final = timedelta(hours=1)
_log = structlog.get_logger(__name__)


def look_and_pay(*, account_id: str, now: datetime) -> None:
    """What the account has earned anybody by now is there, and paid as far as it is due."""
    look(account_id=account_id, now=now)
    for reward_id in selectors.due_by(account_id, now=now, limit=_BATCH):
        pay(reward_id=reward_id)


def sweep(*, now: datetime) -> int:
    """Look at up to a hundred referrals, pay up to a hundred rewards; return how many were done.

    A reward is in a wallet by this, or when its account collects it. Two sweeps at once do no
    harm. One that fails is tried again an hour later, and does not keep the others waiting.
    """
    found = 0
    for account_id in selectors.to_look_at(now=now, limit=_BATCH):
        try:
            look(account_id=account_id, now=now)
        except Exception:  # noqa: BLE001 (whatever it is, the other referrals must not wait for it)
            _log.exception("look_stumbled", account_id=account_id)
            Referral.objects.filter(account=account_id).update(looked_at=Now())
        else:
            found += 1
    for reward_id in selectors.due(now=now, limit=_BATCH):
        try:
            settled = pay(reward_id=reward_id)
        except Exception:  # noqa: BLE001 (as above)
            _log.exception("pay_stumbled", reward_id=reward_id)
            Reward.objects.filter(pk=reward_id, state=Reward.State.PENDING).update(
                try_at=now + _AFTER_A_STUMBLE
            )
        else:
            found += settled.state != Reward.State.PENDING
    return found
