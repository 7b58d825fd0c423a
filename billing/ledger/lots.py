"""What is left of a grant, in memory, and which orders it may pay. Pure."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from plans.catalog.matching import Match, fits
from plans.catalog.values import Scalar

# How an account can stand; a grant may be locked while it stands so.
STANDINGS: Final = ("past_due", "unsubscribed")
# How the fact of a grant begins that came back too late and was given anew.
RETURNED: Final = "returned:"
# How the facts of what a conversion of the catalog has made begin.
CONVERTED: Final = "conversion:"
# The source of credits that are only lent: an allotment's.
LENT: Final = "allotment"


@dataclass(slots=True)
class Lot:
    """What is left of one grant.

    Attributes:
        expires_at: the instant from which it is gone; None means never. Ends are exclusive.
        series: the allowance whose windows it comes from; empty: from none.
        scope: which orders it pays; empty: all.
        locked_while: how an account stands that cannot spend it.
        is_bought: money was paid for it.
        with_subscription: it ends when the account's subscription does.
        lasts: its end is drawn from its first use, this ISO period later; empty: it is not.
        pack: the pack that it was bought as.
        is_returned: it came back too late once and was given anew; a second time it lapses.
        goes_back: what is free of it at its end goes back to the wallet that it came from.
        pays_first: debts that it pays before all others, when it arrives.
    """

    id: str
    source: str
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    pending_micros: int = 0
    available_micros: int = 0
    held_micros: int = 0
    series: str = ""
    scope: Match = field(default_factory=dict)
    locked_while: tuple[str, ...] = ()
    is_bought: bool = False
    with_subscription: bool = False
    lasts: str = ""
    pack: str = ""
    is_returned: bool = False
    goes_back: bool = False
    pays_first: frozenset[str] = frozenset()

    def is_over(self, at: datetime) -> bool:
        """Say whether it is gone at the instant `at`."""
        return self.expires_at is not None and self.expires_at <= at

    def is_locked(self, standing: frozenset[str]) -> bool:
        """Say whether an account that stands so cannot spend it."""
        return not standing.isdisjoint(self.locked_while)

    def pays(self, facts: Mapping[str, Scalar], standing: frozenset[str]) -> bool:
        """Say whether it may pay an order of these facts for an account that stands so."""
        return not self.is_locked(standing) and (not self.scope or fits(self.scope, facts))


class Agenda:
    """Lots in the order in which they change by themselves, so that none is looked at in vain."""

    def __init__(self, lots: Iterable[Lot]) -> None:
        """Note all of `lots`; at one instant they come in this order."""
        self._places: dict[str, int] = {}
        self._heap: list[tuple[datetime, int, Lot]] = []
        for lot in lots:
            self.note(lot)

    def note(self, lot: Lot) -> None:
        """Remember when `lot` begins, or else when what is free of it ends, if it ever does."""
        place = self._places.setdefault(lot.id, len(self._places))
        if lot.pending_micros:
            heapq.heappush(self._heap, (lot.effective_at, place, lot))
        elif lot.available_micros and lot.expires_at is not None:
            heapq.heappush(self._heap, (lot.expires_at, place, lot))

    def next_at(self) -> datetime | None:
        """Return the instant of the next change; None: none is known."""
        return self._heap[0][0] if self._heap else None

    def pop(self, due: datetime) -> list[Lot]:
        """Return the lots that change by `due`, and forget them until they are noted again."""
        found = []
        while self._heap and self._heap[0][0] <= due:
            found.append(heapq.heappop(self._heap)[1:])
        return [lot for _place, lot in sorted(found, key=lambda one: one[0])]


@dataclass(frozen=True, slots=True)
class Issue:
    """A grant that does not stand in the database yet: what its row will say beside the lot.

    Attributes:
        paid_micros, paid_currency: what was paid for it, in money; 0 and empty: nothing.
        streak_days: the day of a row of days on which it was claimed; 0: it was not claimed.
        day_at: when the day began whose credits it is; None: no day's.
    """

    lot: Lot
    amount_micros: int
    fact: str
    reason: str = ""
    paid_micros: int = 0
    paid_currency: str = ""
    streak_days: int = 0
    day_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A share of one grant: `amount_micros` of the lot `grant_id`."""

    grant_id: str
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Timed:
    """A hold that ends by itself at `ends_at`, and what it took from which grants."""

    id: str
    ends_at: datetime
    parts: tuple[Part, ...]


def conversion_series(code: str) -> str:
    """Return the series of what a conversion of the catalog has made."""
    return f"{CONVERTED}{code}"
