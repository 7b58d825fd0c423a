"""A wallet in memory, for the tests of the ledger's pure core."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

from billing.ledger.journal import Actor, Cause, Kind
from billing.ledger.lots import Issue, Lot, Part
from billing.ledger.schedules import Schedule
from billing.ledger.timeline import Timeline
from plans import burn_order
from plans.catalog.allowances import Allowance
from plans.catalog.values import Scalar
from plans.credits import MICROS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORDER = Cause("job", "job_test")
TEST = Actor("system", "test")
NOBODY: frozenset[str] = frozenset()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(
    *,
    zone: str = "UTC",
    anchor_at: datetime = NOON,
    begins: datetime | None = NOON,
    **terms: object,
) -> Schedule:
    """Return an allowance on these terms of a catalog, which gives from `begins` on."""
    read = Allowance.model_validate({"code": "a"} | terms)
    gives = read.mode == "auto" and not read.is_counted
    return Schedule(
        id="al", code=read.code, terms=read, zone=zone, anchor_at=anchor_at,
        next_at=begins if gives else None,
    )  # fmt: skip


class Purse:
    """A timeline, and what the tests ask of it in whole credits."""

    def __init__(self, *schedules: Schedule, at: datetime = NOON) -> None:
        ids = (f"g{number}" for number in count(1))
        self.timeline = Timeline(
            available_micros=0,
            held_micros=0,
            instant=at,
            lots={},
            schedules=list(schedules),
            new_id=lambda: next(ids),
        )
        self.timeline.settle(at)
        self.holds: dict[str, list[Part]] = {}

    def at(self, text: str) -> int:
        """Settle to an instant; return what is free then."""
        self.timeline.settle(utc(text))
        return self.free

    @property
    def free(self) -> int:
        return self.timeline.available_micros // MICROS

    @property
    def given(self) -> list[int]:
        """What was granted so far, grant by grant."""
        moves = self.timeline.movements
        return [m.amount_micros // MICROS for m in moves if m.kind == Kind.GRANT]

    def give(self, name: str, credits_: int, **terms: Any) -> Lot:  # noqa: ANN401 (passed on as they are)
        lot = Lot(name, terms.pop("source", "gift"), terms.pop("priority", 100),
                  terms.pop("effective_at", self.timeline.instant),
                  terms.pop("expires_at", None), **terms)  # fmt: skip
        issue = Issue(lot, credits_ * MICROS, f"fact:{name}")
        self.timeline.grant(issue, cause=ORDER, actor=TEST)
        return lot

    def hold(
        self,
        credits_: int,
        *,
        name: str = "h",
        keys: Iterable[str] = ("expires_at",),
        facts: Mapping[str, Scalar] | None = None,
        standing: frozenset[str] = NOBODY,
    ) -> list[tuple[str, int]]:
        """Hold; return how much of which lot, in the order of taking."""
        self.holds[name] = self.timeline.hold(
            hold_id=name,
            amount_micros=credits_ * MICROS,
            rank=burn_order.rank(list(keys)),
            facts=facts or {},
            standing=standing,
            cause=ORDER,
            actor=TEST,
        )
        return [(part.grant_id, part.amount_micros // MICROS) for part in self.holds[name]]

    def end(self, captured: int, *, name: str = "h", in_flight: str = "expire") -> None:
        self.timeline.resolve(
            hold_id=name,
            parts=self.holds.pop(name),
            capture_micros=captured * MICROS,
            cause=ORDER,
            actor=TEST,
            in_flight=in_flight,
        )

    def spend(self, credits_: int) -> None:
        self.hold(credits_)
        self.end(credits_)
