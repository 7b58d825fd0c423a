"""Writes down what operators did; no row is ever changed."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from billing.ids import new_id
from billing.operators.addresses import Address
from billing.operators.models import PATH_LENGTH_MAX, AccessRecord
from billing.transactions import require_transaction


@transaction.atomic(durable=True)
def note(
    kind: AccessRecord.Kind,
    *,
    operator: User | None,
    address: Address | None = None,
    what: str = "",
    now: datetime,
) -> None:
    """It is written down, by itself: for what was seen, taken away or refused."""
    record(kind, operator=operator, address=address, what=what, now=now)


def record(
    kind: AccessRecord.Kind,
    *,
    operator: User | None,
    actor: User | None = None,
    address: Address | None = None,
    what: str = "",
    reason: str = "",
    now: datetime,
) -> None:
    """It is written down with what it tells of.

    Args:
        operator: whom it is about; None for a name that is nobody's.
        actor: who did it to him; None for himself, and for a command.
        what: a path or a name; what is too long is cut.
    """
    require_transaction("operators.record")
    AccessRecord.objects.create(
        id=new_id("acs"),
        at=now,
        kind=kind,
        operator=operator,
        actor=actor,
        address=None if address is None else str(address),
        what=what[:PATH_LENGTH_MAX],
        reason=reason,
    )
