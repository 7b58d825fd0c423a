"""How many credits a payment has lost by what went back of it. Pure.

It is a function of how things stand, and not of what happened: whatever refunds and disputes came,
in whatever order and how often they were told of, the same money back is the same credits taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreed:
    """Refunds of which it was agreed how many credits they take: the money, and the credits."""

    back_micros: int = 0
    taken_micros: int = 0


NOTHING_AGREED = Agreed()


def target_micros(
    *,
    credited_micros: int,
    paid_micros: int,
    refunded_micros: int,
    disputed_micros: int,
    agreed: Agreed = NOTHING_AGREED,
) -> int:
    """Return how many of the credits of a payment are taken back, as it stands.

    Of the credits as large a share as of the money, rounded down; of all the money all of them.
    Money is not counted twice where a payment was refunded and is disputed as well.

    Args:
        credited_micros: what the payment has brought, the bonus with it.
        refunded_micros: what is refunded in all, with what was agreed on.
        disputed_micros: what is in disputes that are open or lost.
    """
    assert 0 <= agreed.back_micros <= refunded_micros, "what was agreed on is refunded"
    back_micros = min(paid_micros, refunded_micros + disputed_micros)
    if not back_micros:
        return 0
    if back_micros == paid_micros:
        return credited_micros
    plain_micros = max(0, back_micros - agreed.back_micros)
    share_micros = credited_micros * plain_micros // paid_micros
    return min(credited_micros, agreed.taken_micros + share_micros)


def moving_micros(
    *,
    delta_micros: int,
    target_micros: int,
    credited_micros: int,
    traded_micros: int,
    unmoved_micros: int,
) -> int:
    """Return how many of the credits that are taken now the ledger has to move; below zero: give.

    What was traded in for another plan went then: what that brought is the payment's instead. So
    its share of what is taken is moved by nobody, neither when it is taken nor when it is given.

    Args:
        delta_micros: how many are taken; below zero: given back.
        target_micros, credited_micros: of all that the payment has brought, what is taken then.
        traded_micros: what of it was traded in.
        unmoved_micros: what of what was taken before was moved by nobody.
    """
    if not traded_micros:
        return delta_micros
    before_micros = min(traded_micros, unmoved_micros)
    after_micros = traded_micros * target_micros // credited_micros
    moving = delta_micros + before_micros - after_micros
    return sorted((0, moving, delta_micros))[1]


def shares(amount_micros: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount by weights; the shares add up to it, each within one micro of its due.

    Args:
        weights: not negative; if all are 0, the last one gets all.
    """
    total, due, given, parts = sum(weights), 0, 0, []
    for weight in weights:
        due += weight
        share = amount_micros * due // total - given if total else 0
        parts.append(share)
        given += share
    if parts:
        parts[-1] += amount_micros - given
    return parts
