"""Watches the cards that plans are paid with, and writes to whose card ends too early."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from billing.notices.kinds import Kind
from billing.payments.gateway import charging
from billing.payments.gateway.charging import SavedCard
from billing.payments.models import Contract
from billing.payments.services import customers, mailing
from billing.sweeps import Sweep, fairly
from billing.transactions import forbid_transaction

_BATCH: Final = 100
# So long before the next period a card is asked for, once.
_AHEAD: Final = timedelta(days=14)
_Status = Contract.Status


def watch_cards(*, now: datetime) -> int:
    """Whoever's card is over before his plan renews has a letter; return how many were looked at.

    Each period's card is asked for once, two weeks before it is charged, and one card is written
    about once. What Stripe does not answer is asked again, and keeps no other waiting.

    Args:
        now: the real instant.
    """
    forbid_transaction("payments.watch_cards")
    renewing = Contract.objects.filter(
        Q(card_seen_at=None) | Q(card_seen_at__lt=F("period_ends_at") - _AHEAD),
        ended_at=None,
        superseded_at=None,
        cancel_at=None,
        paused_at=None,
        status__in=[_Status.ACTIVE, _Status.TRIALING],
        period_ends_at__range=(now, now + _AHEAD),
    )
    sweep = Sweep("card_stumbled")
    soonest = renewing.select_related("account").order_by("period_ends_at")
    for contract in fairly(soonest, limit=_BATCH):
        with sweep.row(contract_id=contract.pk):
            card = charging.card_of(customers.wire_for(contract.account), contract.stripe_id)
            _note(contract.pk, card, now=now)
    return sweep.tried


@transaction.atomic(durable=True)
def _note(contract_id: str, card: SavedCard | None, *, now: datetime) -> None:
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    contract.card_seen_at = now
    contract.save(update_fields=["card_seen_at"])
    if card is not None and card.expires < f"{contract.period_ends_at:%Y-%m}":
        mailing.mail(
            Kind.CARD_EXPIRES,
            contract.account,
            {"card": card.said, "expires": card.expires},
            fact=f"{card.id}:expires:{card.expires}",
            now=now,
        )
