"""Ends contracts at Stripe whose account had another one when they were paid."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.payments.gateway import StripeRefused
from billing.payments.gateway import changes as gateway
from billing.payments.models import Contract
from billing.payments.services import applying, customers
from billing.sweeps import Sweep, fairly
from billing.transactions import forbid_transaction

_BROKE_OFF: Final = timedelta(minutes=2)
_BATCH: Final = 100
_log = structlog.get_logger(__name__)


def end_superseded(*, contract_id: str, now: datetime) -> None:
    """Stripe collects nothing more for a contract that is superseded. A repeat changes nothing.

    One that Stripe does not know any more has ended. Outside any transaction. What was paid for it
    goes back by itself: see `invoices`.

    Raises:
        PaymentsNotConfigured: as `customers.wire_for`.
        StripeAway, StripeRefused, DomainError: as `applying.look`; to be tried again.
    """
    forbid_transaction("payments.end_superseded")
    contract = Contract.objects.select_related("account").get(pk=contract_id)
    if contract.superseded_at is None or contract.ended_at is not None:
        return
    gateway.end_now(customers.wire_for(contract.account), contract.stripe_id)
    try:
        applying.look(kind="subscription", stripe_id=contract.stripe_id, now=now)
    except StripeRefused as refusal:
        if not refusal.is_missing:
            raise
        _log.warning("contract_is_gone_at_stripe", contract_id=contract_id)
        _note_gone(contract_id, now=now)


def end_left_over(*, now: datetime) -> int:
    """End what is superseded and whose worker has given up; return how many were tried."""
    left = Contract.objects.filter(
        superseded_at__lte=now - _BROKE_OFF, superseded_at__isnull=False, ended_at=None
    )
    sweep = Sweep("end_stumbled")
    for contract in fairly(left.order_by("superseded_at"), limit=_BATCH):
        with sweep.row(contract_id=contract.pk):
            end_superseded(contract_id=contract.pk, now=now)
    return sweep.tried


@transaction.atomic(durable=True)
def _note_gone(contract_id: str, *, now: datetime) -> None:
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    if contract.ended_at is None:
        contract.status, contract.ended_at = Contract.Status.CANCELED, now
        contract.save(update_fields=["status", "ended_at"])
