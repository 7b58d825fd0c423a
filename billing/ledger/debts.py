"""What a wallet owes, in memory, and how what arrives pays it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Owed:
    """What is still missing of one debt."""

    id: str
    missing_micros: int


def pay(debts: list[Owed], free_micros: int) -> Iterator[tuple[Owed, int]]:
    """Yield which debt gets how much of what is free, the oldest first, as far as it reaches.

    `missing_micros` of what is yielded is lower by that already.
    """
    for debt in debts:
        share = min(debt.missing_micros, free_micros)
        if share:
            debt.missing_micros -= share
            free_micros -= share
            yield debt, share
