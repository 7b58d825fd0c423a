"""Tells of what the ledger noted in passing: debts that begin and are paid, grants halted."""

from datetime import datetime

import structlog
from django.db import transaction

from billing.accounts.models import Account
from billing.corrections.models import DebtNotice, Halt
from billing.webhooks import services as webhooks
from plans import selectors as plans
from plans.credits import format_micros

_log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def tell_debt(*, debt_id: str, now: datetime) -> None:
    """It is published that the debt began, and that it was paid once it is: each once, in order."""
    DebtNotice.objects.bulk_create([DebtNotice(debt_id=debt_id)], ignore_conflicts=True)
    notice = (
        DebtNotice.objects.select_for_update(of=("self",))
        .select_related("debt__wallet__account")
        .get(debt_id=debt_id)
    )
    if notice.begun_told_at is None:
        _publish_debt(notice, "begun", now)
        notice.begun_told_at = now
    if notice.debt.paid_at is not None and notice.paid_told_at is None:
        _publish_debt(notice, "paid", now)
        notice.paid_told_at = now
    notice.save(update_fields=["begun_told_at", "paid_told_at"])


@transaction.atomic(durable=True)
def tell_halt(*, account_id: str, halted_at: datetime, now: datetime) -> None:
    """Operators and the platform know that an account's automatic grants were halted; once."""
    Halt.objects.bulk_create(
        [Halt(account_id=account_id, halted_at=halted_at)], ignore_conflicts=True
    )
    halt = Halt.objects.select_for_update().get(account_id=account_id, halted_at=halted_at)
    if halt.told_at is not None:
        return
    account = Account.objects.get(pk=account_id)
    limit = plans.current().catalog.safety.automatic_grants_per_day
    halt.told_at = now
    halt.save(update_fields=["told_at"])
    _log.error("account_halted", account_id=account_id, halt_id=halt.pk, limit=limit)
    webhooks.publish(
        account=account,
        type="account.halted",
        data={
            "halt": halt.pk,
            "halted_at": halted_at.isoformat(),
            "automatic_grants_per_day": limit,
            "resumed": halt.resumed_at is not None,
        },
        now=now,
    )


def _publish_debt(notice: DebtNotice, state: str, now: datetime) -> None:
    debt = notice.debt
    paid_micros = debt.paid_micros if state == "paid" else 0
    webhooks.publish(
        account=debt.wallet.account,
        type="credits.debt",
        data={
            "debt": debt.pk,
            "state": state,
            "credits": format_micros(debt.amount_micros),
            "left": format_micros(debt.amount_micros - paid_micros),
            "cause": {"type": debt.cause_type, "id": debt.cause_id},
            "created_at": debt.created_at.isoformat(),
            "paid_at": debt.paid_at.isoformat() if debt.paid_at and state == "paid" else None,
        },
        now=now,
    )
