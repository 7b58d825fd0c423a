"""When somebody would have run dry: his orders, paid from what he had by then. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.ledger.lots import Lot
from plans.catalog.values import Scalar

_HABITUAL: frozenset[str] = frozenset()  # nobody on a free plan is past due


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order of an account, and what it would cost."""

    at: datetime
    micros: int
    facts: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Dryness:
    """How an account fares: the first order that it could not pay, and how many there were."""

    first_at: datetime | None
    orders: int


def fares(lots: Sequence[Lot], orders: Sequence[Wanted], *, rank: Callable[[Lot], Any]) -> Dryness:
    """Return when the account would have run dry for the first time, and for how many orders.

    An order that cannot be paid takes nothing; later ones are tried all the same.

    Args:
        lots: what was there at the beginning, and what came; each with all that it gives.
        orders: in the order of their instants.
        rank: by which the catalog spends them.
    """
    left = {lot.id: lot.available_micros for lot in lots}
    spent_first = sorted(lots, key=rank)
    first_at, count = None, 0
    for order in orders:
        payers = [
            lot
            for lot in spent_first
            if left[lot.id]
            and lot.effective_at <= order.at
            and not lot.is_over(order.at)
            and lot.pays(order.facts, _HABITUAL)
        ]
        if sum(left[lot.id] for lot in payers) < order.micros:
            first_at, count = first_at or order.at, count + 1
            continue
        missing = order.micros
        for lot in payers:
            taken = min(left[lot.id], missing)
            left[lot.id] -= taken
            missing -= taken
    return Dryness(first_at, count)
