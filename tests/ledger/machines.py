"""What a Hypothesis machine on a database needs, and the wallet's model of itself."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine

from tests.ledger.model_lots import FAR, ModelHold, ModelLot

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo whatever is written inside; durable blocks run, as in a test."""
    world = transaction.atomic()
    world._from_testcase = True  # type: ignore[attr-defined]  # lets durable blocks run inside
    with world:
        yield
        transaction.set_rollback(True)


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
class ModelWallet:
    """A wallet as simple as it can be said; it shares no line with the product.

    It knows the plan of the machine, gives every window there is, passes over none, and lives
    in UTC, where all days have 24 hours.
    """

    opened_at: datetime
    micros: int
    in_flight: timedelta | None
    lots: dict[str, ModelLot] = field(default_factory=dict)
    holds: dict[str, ModelHold] = field(default_factory=dict)
    debts: dict[str, int] = field(default_factory=dict)
    used: dict[str, dict[str, int]] = field(default_factory=dict)  # by day, by order
    given_today: int = 0
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
            self._turn_of_the_day(due)
            self._expire(due)
            for name in [name for name, hold in self.holds.items() if hold.ends_at <= due]:
                self._give_back(self.holds.pop(name).parts, due)
            self._begin(due)
            if self.next_day <= due:
                self._day(due)
            if self.next_week <= due:
                self._week(due)
            if self.next_roll is not None and self.next_roll <= due:
                self._roll(due)
        self._turn_of_the_day(now)

    def _coming(self) -> Iterator[datetime]:
        yield from (self.next_day, self.next_week, self.next_roll or FAR)
        yield from (hold.ends_at for hold in self.holds.values())
        for lot in self.lots.values():
            if lot.free and not lot.has_begun:
                yield lot.begins_at
            elif lot.free and lot.expires_at:
                yield lot.expires_at

    def _turn_of_the_day(self, now: datetime) -> None:
        if now.date() != self.at.date():
            self.given_today = 0
        self.at = max(self.at, now)

    def _expire(self, due: datetime) -> None:
        for lot in self.lots.values():
            if lot.has_begun and lot.is_over(due):
                lot.end()

    def _begin(self, due: datetime) -> None:
        for lot in self.lots.values():
            if not lot.has_begun and lot.begins_at <= due:
                lot.has_begun = True
                self._repay(lot)

    def _day(self, due: datetime) -> None:
        midnight = due.replace(hour=0, minute=0, second=0, microsecond=0)
        self.next_day = midnight + DAY
        name = due.date().isoformat()
        missing = 50 * self.micros - self._left("fill", due)
        if missing > 0:
            self.give(
                f"allowance:fill:{name}",
                ModelLot(missing, due, due + 3 * DAY, 4, series="fill"),
                by_itself=True,
            )
        self._cap(due)
        for code, amount, priority in (("cap", 5, 1), ("stay", 2, 2)):
            self.give(
                f"allowance:{code}:{name}",
                ModelLot(
                    amount * self.micros, due, None, priority, series=code, with_subscription=True
                ),
                by_itself=True,
            )

    def _week(self, due: datetime) -> None:
        self.next_week = due + WEEK
        self.give(
            f"allowance:free.keep:{due.date().isoformat()}",
            ModelLot(20 * self.micros, due, due + 2 * WEEK, 3),
            by_itself=True,
        )

    def _roll(self, due: datetime) -> None:
        self.next_roll = None
        self.give(
            f"allowance:roll:{due:%Y%m%dT%H%M%S.%fZ}",
            ModelLot(30 * self.micros, due, None, 5, series="roll", ends_after_use=DAY),
            by_itself=True,
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

    def twins(self) -> list[list[str]]:
        """Return the names of lots of the series "cap" that nothing tells apart, by their terms."""
        alike: dict[tuple[object, ...], list[str]] = {}
        for name, lot in self.lots.items():
            if lot.series == "cap" and name.startswith("returned:"):
                alike.setdefault(lot.terms, []).append(name)
        return [names for names in alike.values() if len(names) > 1]

    def follow(self, free: Mapping[str, int]) -> None:
        """Share what is free of twins out as the wallet does.

        Lots that came back at the same instant on the same terms are equally young: which of them
        is cut at the cap is nobody's business but the wallet's. What they are together is.
        """
        for names in self.twins():
            found = [free.get(name, 0) for name in names]
            if sum(self.lots[name].free for name in names) == sum(found):
                for name, micros in zip(names, found, strict=True):
                    self.lots[name].free = micros

    def _left(self, series: str, at: datetime) -> int:
        return sum(
            lot.free + lot.held
            for lot in self.lots.values()
            if lot.series == series and not lot.is_over(at)
        )

    def give(self, name: str, lot: ModelLot, *, by_itself: bool = False) -> None:
        """Add a lot; what is owed is paid of it once it has begun."""
        self.given_today += by_itself
        self.lots[name] = lot
        lot.has_begun = lot.begins_at <= self.at
        if lot.has_begun:
            self._repay(lot)

    def _repay(self, lot: ModelLot) -> None:
        """Pay what is owed, the oldest first, of what is free of a lot that was not lent."""
        for name, missing in list(self.debts.items()):
            share = 0 if lot.is_lent else min(missing, lot.free)
            lot.free -= share
            lot.spent += share
            self.debts[name] = missing - share
            if share == missing:
                del self.debts[name]

    def spendable(self, facts: Mapping[str, str], standing: frozenset[str]) -> int:
        """Return what an order of these facts could take, if nothing was owed."""
        return sum(lot.free for lot in self.lots.values() if lot.pays(facts, standing))

    def hold(
        self,
        name: str,
        parts: list[tuple[str, int]],
        *,
        facts: Mapping[str, str],
        standing: frozenset[str],
        now: datetime,
        ends_at: datetime | None = None,
    ) -> None:
        """Take these parts, which must be what the order of burning demands."""
        self.settle(now)
        assert not self.debts
        may = {key: lot for key, lot in self.lots.items() if lot.free and lot.pays(facts, standing)}
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
        self.holds[name] = ModelHold(parts, ends_at or FAR)

    def end(self, name: str, captured: int, now: datetime) -> bool:
        """Spend the first `captured`, give the rest back; False: it had ended by itself."""
        self.settle(now)
        if name not in self.holds:
            return False
        rests = []
        for key, part in self.holds.pop(name).parts:
            lot = self.lots[key]
            spent = min(part, captured)
            captured -= spent
            lot.held -= spent
            lot.spent += spent
            rests.append((key, part - spent))
        self._give_back(rests, now, name if self.in_flight else "")
        return True

    def _give_back(self, parts: list[tuple[str, int]], now: datetime, anew: str = "") -> None:
        """Return what was held, last taken first; what has ended is gone, or given anew once."""
        for key, rest in reversed(parts):
            lot = self.lots[key]
            lot.held -= rest
            if not lot.is_over(now):
                lot.free += rest
                if rest:
                    self._repay(lot)
            elif lot.is_lent:
                lot.sent += rest
            elif rest and anew and self.in_flight and not key.startswith("returned:"):
                back = ModelLot(
                    *(rest, now, now + self.in_flight, lot.priority, lot.scope, lot.locks),
                    *(lot.series, lot.with_subscription),
                )
                self.give(f"returned:{anew}:{key}", back)
        self._cap(self.next_day - DAY)

    def owe(self, name: str, micros: int) -> None:
        """Owe so much: what is free stays, what arrives pays."""
        self.debts[name] = micros

    def claw_back(self, keys: list[str], micros: int, fact: str) -> tuple[int, int]:
        """Take back what is free of these lots, owe what of them was used; return both."""
        missing = micros
        for key in keys:
            taken = min(missing, self.lots[key].free)
            self.lots[key].free -= taken
            missing -= taken
        revoked = micros - missing
        for key in keys:
            lot = self.lots[key]
            share = min(missing, lot.spent + lot.held + lot.sent - lot.owed)
            if share > 0:
                lot.owed += share
                missing -= share
                self.owe(f"{fact}:{key}", share)
        return revoked, micros - revoked - missing

    def sendable(self) -> int:
        """Return what could be given away.

        Nothing lent, nothing whose end is not known, nothing that fills up or begins by use.
        """
        return sum(
            lot.free
            for lot in self.lots.values()
            if lot.has_begun
            and lot.series not in {"fill", "roll"}
            and not (lot.is_lent or lot.with_subscription or lot.ends_after_use is not None)
        )

    def send(self, key: str, micros: int) -> None:
        """Give credits away, to another wallet."""
        self.lots[key].free -= micros
        self.lots[key].sent += micros

    def unsubscribe(self, now: datetime) -> None:
        """Lose what lasts as long as the subscription."""
        self.settle(now)
        for lot in self.lots.values():
            if lot.with_subscription and not lot.is_over(now):
                lot.end()
                lot.expires_at = now

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

    def free(self) -> int:
        """Return what is free in all, whatever it may pay."""
        return sum(lot.free for lot in self.lots.values() if lot.has_begun)

    def held(self) -> int:
        """Return what is set aside in all."""
        return sum(lot.held for lot in self.lots.values())

    def debt(self) -> int:
        """Return what is owed in all."""
        return sum(self.debts.values())

    def alive(self) -> dict[str, tuple[int, ...]]:
        """Return free, held, spent and sent of all lots that are not gone as a whole."""
        return living(
            (name, lot.free, lot.held, lot.spent, lot.sent) for name, lot in self.lots.items()
        )


def living(rows: Iterable[tuple[str, int, int, int, int]]) -> dict[str, tuple[int, ...]]:
    """Return the rows of which something is free, held, spent or sent."""
    return {name: tuple(amounts) for name, *amounts in rows if any(amounts)}
