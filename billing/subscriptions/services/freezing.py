"""Freezes accounts, and lets them go on: what is under way is not touched."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from billing.accounts.errors import FreezeRefused
from billing.accounts.freezes import REASON_LENGTH_MAX, Freeze
from billing.accounts.models import Account
from billing.ledger import services as ledger
from plans import selectors as plans


@transaction.atomic(durable=True)
def freeze(*, account: Account, operator: User, reason: str, now: datetime) -> Freeze:
    """The account orders nothing from now on, and lets no credits go.

    Under the lock of its wallet: an order that came first is under way, ends and is settled; one
    that comes later is refused. What it may read stays as it was.

    Raises:
        FreezeRefused: it is frozen already, or no reason is given.
    """
    ledger.lock_wallet(account, catalog=plans.current().catalog)
    reason = _required(reason)
    if Freeze.objects.filter(account=account, lifted_at=None).exists():
        raise FreezeRefused.is_frozen()
    return Freeze.objects.create(account=account, reason=reason, operator=operator, frozen_at=now)


@transaction.atomic(durable=True)
def unfreeze(
    *, account: Account, which: str = "", operator: User, reason: str, now: datetime
) -> Freeze:
    """The account orders again as any other; that it was frozen stays written down.

    Args:
        which: the id of the freeze that was looked at, so that no later one is lifted, which
            somebody has another reason for; empty: the one that stands.

    Raises:
        FreezeRefused: it is not frozen, or no longer by that one, or no reason is given.
    """
    ledger.lock_wallet(account, catalog=plans.current().catalog)
    frozen = Freeze.objects.select_for_update().filter(account=account, lifted_at=None).first()
    if frozen is None or which not in {"", frozen.pk}:
        raise FreezeRefused.is_free()
    frozen.lift_reason = _required(reason)
    # A clock that was set back ends nothing before it began.
    frozen.lifted_by, frozen.lifted_at = operator, max(now, frozen.frozen_at)
    frozen.save(update_fields=["lift_reason", "lifted_by", "lifted_at"])
    return frozen


def _required(reason: str) -> str:
    said = reason.strip()
    if not 1 <= len(said) <= REASON_LENGTH_MAX:
        raise FreezeRefused.has_no_reason()
    return said
