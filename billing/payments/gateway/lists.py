"""All that was paid and paid back in a stretch of time; nothing changes there.

A payment of ours carries in `metadata[FACT]` the business fact under which it is known here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from billing.payments.gateway.client import FACT, StripeAway, StripeRefused, Wire, understood
from billing.payments.money import micros_of

_PAGE: Final = 100  # the most that Stripe gives at once
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Paid:
    """Money that has come.

    Attributes:
        fact: the business fact that it was made for; empty: it is none of ours.
        paid_at: when the money came, which may be long after the payment was begun.
    """

    id: str
    fact: str
    amount_micros: int
    currency: str
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class PaidBack:
    """Money that has gone back, and the fact of the payment that it came by."""

    id: str
    payment_id: str
    fact: str
    amount_micros: int
    currency: str
    refunded_at: datetime


@dataclass(frozen=True, slots=True)
class Disputed:
    """A payment that its buyer contests, as it stands."""

    id: str
    payment_id: str
    status: str
    opened_at: datetime


def payments(wire: Wire, *, since: datetime, until: datetime) -> list[Paid]:
    """Return what was begun between the two instants and paid, each once.

    Raises:
        StripeAway: it could not be read to the end.
    """
    list_page = wire.client().v1.payment_intents.list
    return list(_all(list_page, since, until, "data.latest_charge", _paid))


def refunds(wire: Wire, *, since: datetime, until: datetime) -> list[PaidBack]:
    """Return what was paid back between the two instants, each once.

    Raises:
        StripeAway: it could not be read to the end.
    """
    list_page = wire.client().v1.refunds.list
    return list(_all(list_page, since, until, "data.payment_intent", _paid_back))


def disputes(wire: Wire, *, since: datetime, until: datetime) -> list[Disputed]:
    """Return what was contested between the two instants, each once, however it stands.

    Raises:
        StripeAway: it could not be read to the end.
    """
    list_page = wire.client().v1.disputes.list
    return list(_all(list_page, since, until, "", _disputed, is_whole=True))


def _all(
    list_page: Callable[..., Any],
    since: datetime,
    until: datetime,
    expand: str,
    read: Callable[[Mapping[str, Any]], _Read],
    *,
    is_whole: bool = False,
) -> Iterator[_Read]:
    """Yield what has succeeded of all objects of all pages, or the whole of them.

    The time has two ends, so what comes in meanwhile does not move the pages; an object that
    stands on two of them all the same comes once.
    """
    params: dict[str, Any] = {
        "limit": _PAGE,
        "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
    }
    if expand:
        params["expand"] = [expand]
    seen: set[str] = set()
    try:
        with understood():
            for one in list_page(params).auto_paging_iter():
                if (is_whole or one["status"] == "succeeded") and one["id"] not in seen:
                    seen.add(one["id"])
                    yield read(one.to_dict())
    except StripeRefused as refusal:  # what a page leads on from is gone: it is read all anew
        raise StripeAway(f"it refuses a page: {refusal}") from None


def _paid(one: Mapping[str, Any]) -> Paid:
    currency = str(one["currency"]).upper()
    charge = one.get("latest_charge")
    paid_at = charge["created"] if isinstance(charge, Mapping) else one["created"]
    return Paid(
        id=str(one["id"]),
        fact=_fact(one),
        amount_micros=micros_of(one["amount_received"], currency),
        currency=currency,
        paid_at=datetime.fromtimestamp(paid_at, UTC),
    )


def _paid_back(one: Mapping[str, Any]) -> PaidBack:
    currency = str(one["currency"]).upper()
    payment = one.get("payment_intent")
    whole: Mapping[str, Any] = payment if isinstance(payment, Mapping) else {"id": payment or ""}
    return PaidBack(
        id=str(one["id"]),
        payment_id=str(whole["id"]),
        fact=_fact(whole),
        amount_micros=micros_of(one["amount"], currency),
        currency=currency,
        refunded_at=datetime.fromtimestamp(one["created"], UTC),
    )


def _disputed(one: Mapping[str, Any]) -> Disputed:
    return Disputed(
        id=str(one["id"]),
        payment_id=str(one.get("payment_intent") or ""),
        status=str(one["status"]),
        opened_at=datetime.fromtimestamp(one["created"], UTC),
    )


def _fact(one: Mapping[str, Any]) -> str:
    return str((one.get("metadata") or {}).get(FACT, ""))
