"""What a restore may have lost, and what not, by the books of those who asked. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.faults.books import Ask, Told, Written


@dataclass(frozen=True, slots=True)
class Point:
    """The instant to come back to: by the database's clock, and by ours on both sides of it."""

    at: datetime
    before: float
    after: float


def lost(books: Sequence[Written], there: Collection[str]) -> list[Written]:
    """Return what was acknowledged and is gone, by the keys that are there."""
    return [one for one in _acknowledged(books) if one.key not in there]


def trespasses(books: Sequence[Written], there: Collection[str], point: Point) -> Iterator[str]:
    """Yield what was lost though it is older than the instant, and what is there though it is not.

    What was under way at the instant may be either.
    """
    for one in _acknowledged(books):
        if one.heard_at < point.before and one.key not in there:
            yield f"{name(one)} was acknowledged before the point, and is lost"
        if one.asked_at > point.after and one.key in there:
            yield f"{name(one)} was asked for after the point, and is there"


def gone(books: Sequence[Written], there: Collection[str]) -> set[int]:
    """Return the numbers of what no rule can judge any more; what is unknown is asked again."""
    numbers = {one.number for one in books if one.told != Told.UNKNOWN and one.key not in there}
    return numbers | {one.number for one in books if one.ask == Ask.CANCEL and one.of in numbers}


def name(written: Written) -> str:
    """Return how a request is called."""
    return f"{written.ask} {written.number}"


def _acknowledged(books: Sequence[Written]) -> list[Written]:
    return [one for one in books if one.at_first == Told.ACKNOWLEDGED]
