"""What a Hypothesis machine on a database needs, and the ledger's model of itself."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
FAR = datetime.max.replace(tzinfo=UTC)


class DatabaseMachine(RuleBasedStateMachine):
    """A machine whose every history is rolled back.

    Hypothesis runs many histories inside one test, and Django rolls back once per test:
    without this, the second history would find the rows of the first.
    """

    def __init__(self) -> None:
        super().__init__()
        self._world = transaction.atomic()
        self._world._from_testcase = True  # type: ignore[attr-defined]  # lets durable blocks run inside
        self._world.__enter__()

    def teardown(self) -> None:
        """Roll the history back."""
        transaction.set_rollback(True)
        self._world.__exit__(None, None, None)


@dataclass
class ModelLot:
    """Credits that arrived together, in the model; it is named by its business fact."""

    free: int
    begins_at: datetime
    expires_at: datetime | None
    priority: int
    scope: Mapping[str, str] = field(default_factory=dict)
    locks: frozenset[str] = frozenset()
    series: str = ""
    with_subscription: bool = False
    ends_after_use: timedelta | None = None
    held: int = 0
    spent: int = 0

    def key(self, now: datetime) -> tuple[int, datetime, int, datetime]:
        """Return its place: narrower scope, earlier end, lower priority, older."""
        ends_at = self.expires_at
        if ends_at is None and self.ends_after_use is not None:
            ends_at = now + self.ends_after_use
        return (-len(self.scope), ends_at or FAR, self.priority, self.begins_at)

    def pays(self, facts: Mapping[str, str], standing: frozenset[str]) -> bool:
        """Say whether it may pay such an order of such an account."""
        fits = all(facts.get(name) == value for name, value in self.scope.items())
        return fits and not self.locks & standing


@dataclass
class ModelWallet:
    """A wallet as simple as it can be said; it shares no line with the product.

    It knows the plan of the machine, gives every window there is, passes over none, and lives
    in UTC, where all days have 24 hours.
    """

    opened_at: datetime
    micros: int
    in_flight: timedelta | None
    lots: dict[str, ModelLot] = field(default_factory=dict)
    holds: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    used: dict[str, dict[str, int]] = field(default_factory=dict)  # by day, by order
    next_day: datetime = FAR
    next_week: datetime = FAR
    next_roll: datetime | None = FAR
    at: datetime = FAR

    def __post_init__(self) -> None:
        """Open it: all windows that hold the instant are given."""
        self.at = self.next_day = self.next_week = self.next_roll = self.opened_at
        self.settle(self.opened_at)

    def settle(self, now: datetime) -> None:
        """Live through everything up to `now`, one instant after the other."""
        while (due := min(self._coming())) <= now:
            self._expire(due)
            if self.next_day <= due:
                self._day(due)
            if self.next_week <= due:
                self._week(due)
            if self.next_roll is not None and self.next_roll <= due:
                self._roll(due)
        self.at = now

    def _coming(self) -> Iterator[datetime]:
        yield from (self.next_day, self.next_week, self.next_roll or FAR)
        yield from (lot.expires_at for lot in self.lots.values() if lot.expires_at and lot.free)

    def _expire(self, due: datetime) -> None:
        for lot in self.lots.values():
            if lot.expires_at is not None and lot.expires_at <= due:
                lot.free = 0

    def _day(self, due: datetime) -> None:
        midnight = due.replace(hour=0, minute=0, second=0, microsecond=0)
        self.next_day = midnight + DAY
        name = due.date().isoformat()
        missing = 50 * self.micros - self._left("fill", due)
        if missing > 0:
            self.lots[f"allowance:fill:{name}"] = ModelLot(
                missing, due, due + 3 * DAY, 4, series="fill"
            )
        self._cap(due)
        for code, amount, priority in (("cap", 5, 1), ("stay", 2, 2)):
            self.lots[f"allowance:{code}:{name}"] = ModelLot(
                amount * self.micros, due, None, priority, series=code, with_subscription=True
            )

    def _week(self, due: datetime) -> None:
        self.next_week = due + WEEK
        self.lots[f"allowance:free.keep:{due.date().isoformat()}"] = ModelLot(
            20 * self.micros, due, due + 2 * WEEK, 3
        )

    def _roll(self, due: datetime) -> None:
        self.next_roll = None
        self.lots[f"allowance:roll:{due:%Y%m%dT%H%M%S.%fZ}"] = ModelLot(
            30 * self.micros, due, None, 5, series="roll", ends_after_use=DAY
        )

    def _cap(self, before: datetime) -> None:
        """Keep 9 of what the series "cap" gave before an instant, the youngest of it."""
        above = -9 * self.micros
        for lot in sorted(self.lots.values(), key=lambda lot: lot.begins_at, reverse=True):
            if lot.series == "cap" and lot.begins_at < before:
                above += lot.free
                gone = min(lot.free, max(0, above))
                lot.free -= gone
                above -= gone

    def _left(self, series: str, at: datetime) -> int:
        return sum(
            lot.free + lot.held
            for lot in self.lots.values()
            if lot.series == series and (lot.expires_at is None or lot.expires_at > at)
        )

    def spendable(self, facts: Mapping[str, str], standing: frozenset[str]) -> int:
        """Return what an order of these facts could take."""
        return sum(
            lot.free
            for lot in self.lots.values()
            if lot.begins_at <= self.at and lot.pays(facts, standing)
        )

    def hold(
        self,
        name: str,
        parts: list[tuple[str, int]],
        *,
        facts: Mapping[str, str],
        standing: frozenset[str],
        now: datetime,
    ) -> None:
        """Take these parts, which must be what the order of burning demands."""
        self.settle(now)
        may = {key: lot for key, lot in self.lots.items() if lot.free and lot.pays(facts, standing)
               and lot.begins_at <= now}  # fmt: skip
        places = [may[key].key(now) for key, _part in parts]
        assert places == sorted(places)
        untouched = [lot.key(now) for key, lot in may.items() if key not in dict(parts)]
        assert not untouched or not places or max(places) <= min(untouched)
        for number, (key, part) in enumerate(parts):
            lot = may[key]
            assert part == lot.free or (part < lot.free and number == len(parts) - 1)
            lot.free -= part
            lot.held += part
            if lot.ends_after_use is not None and lot.expires_at is None:
                lot.expires_at = self.next_roll = now + lot.ends_after_use
        self.holds[name] = parts

    def end(self, name: str, captured: int, now: datetime) -> None:
        """Spend the first `captured`, give the rest back; what has ended meanwhile is gone."""
        self.settle(now)
        for key, part in self.holds.pop(name):
            lot = self.lots[key]
            spent = min(part, captured)
            captured -= spent
            lot.held -= part
            lot.spent += spent
            rest = part - spent
            if lot.expires_at is None or lot.expires_at > now:
                lot.free += rest
            elif rest and self.in_flight is not None and not key.startswith("returned:"):
                self.lots[f"returned:{name}:{key}"] = ModelLot(
                    *(rest, now, now + self.in_flight, lot.priority, lot.scope, lot.locks),
                    *(lot.series, lot.with_subscription),
                )
        self._cap(self.next_day - DAY)

    def unsubscribe(self, now: datetime) -> None:
        """Lose what lasts as long as the subscription."""
        self.settle(now)
        for lot in self.lots.values():
            if lot.with_subscription and (lot.expires_at is None or lot.expires_at > now):
                lot.free, lot.expires_at = 0, now

    def videos_left(self) -> int:
        """Return how many micros of today's 3 counted videos are left."""
        return 3 * self.micros - sum(self.used.get(self.at.date().isoformat(), {}).values())

    def draw(self, name: str, micros: int) -> None:
        """Use counted videos of today."""
        self.used.setdefault(self.at.date().isoformat(), {})[name] = micros

    def keep(self, name: str, kept: int) -> None:
        """End an order of counted videos: only so much of them stays used."""
        for day in self.used.values():
            if name in day:
                day[name] = kept

    def alive(self) -> dict[str, tuple[int, int, int]]:
        """Return free, held and spent of all lots that are not gone as a whole."""
        return living((name, lot.free, lot.held, lot.spent) for name, lot in self.lots.items())


def living(rows: Iterable[tuple[str, int, int, int]]) -> dict[str, tuple[int, int, int]]:
    """Return the rows of which something is free, held or spent."""
    return {name: amounts for name, *amounts in rows if any(amounts)}  # type: ignore[misc]  # three
