"""Which orders a row is for: named values, ranges and times, and how narrow that makes it."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import Field, TypeAdapter, model_validator

from plans import periods
from plans.catalog.values import (
    Between,
    Clock,
    Instant,
    Matcher,
    Refs,
    Scalar,
    Table,
    Word,
    Zone,
    typed,
)
from plans.wording import gettext as _

Match = dict[Word, Matcher]
_MATCH: Final[TypeAdapter[Match]] = TypeAdapter(Match)
# A day may lack the hours (the clocks jump over them), a zone may lack a day; never two in a row.
_DAYS_AHEAD: Final = 4


def fits(match: Match, facts: Mapping[str, Scalar]) -> bool:
    """Say whether an order of these facts is one that `match` is for; an empty one is for all."""
    return all(
        name in facts and _takes(matcher, facts[name]) for name, matcher in match.items() if matcher
    )


def _takes(matcher: tuple[Scalar, ...] | Between, value: Scalar) -> bool:
    if isinstance(matcher, Between):
        return value in matcher
    return any(typed(one) == typed(value) for one in matcher)


def match_text(match: Match) -> str:
    """Return `match` as JSON, which `read_match` reads back; what is open ("*") is left out."""
    tied = {name: matcher for name, matcher in match.items() if matcher}
    return json.dumps(_MATCH.dump_python(tied, mode="json"), sort_keys=True)


@lru_cache(maxsize=4096)
def read_match(text: str) -> Match:
    """Return the match that `match_text` wrote; not to be changed, for others hold it too."""
    return _MATCH.validate_python(json.loads(text))


class Hours(Table):
    """Hours of the day on the clocks of `zone`; they may reach over midnight. `to` is exclusive.

    Attributes:
        start: the hour and minute at which they begin.
        end: when they end; the minute itself is outside.
        zone: whose clocks these are.
    """

    start: Clock = Field(alias="from")
    end: Clock = Field(alias="to")
    zone: Zone

    @model_validator(mode="after")
    def _lasts(self) -> "Hours":
        if self.start == self.end:
            raise ValueError(_("begins and ends at the same minute."))
        return self

    def holds(self, at: datetime) -> bool:
        """Say whether the clocks of the zone show one of these hours at the instant `at`."""
        shown = at.astimezone(ZoneInfo(self.zone)).strftime("%H:%M")
        if self.start < self.end:
            return self.start <= shown < self.end
        return shown >= self.start or shown < self.end

    def next_at(self, at: datetime) -> datetime:
        """Return the first instant from `at` on at which one of these hours has begun."""
        if self.holds(at):
            return at
        today = at.astimezone(ZoneInfo(self.zone)).date()
        opens = time.fromisoformat(self.start)
        return next(
            begins
            for ahead in range(_DAYS_AHEAD)
            for begins in periods.showings(
                self.zone, datetime.combine(today + timedelta(days=ahead), opens)
            )
            if begins > at and self.holds(begins)
        )

    def meets(self, other: "Hours") -> bool:
        """Say whether both may hold at one instant; of two zones that is taken for granted."""
        if self.zone != other.zone:
            return True
        return any(
            start < other_end and other_start < end
            for start, end in self.stretches()
            for other_start, other_end in other.stretches()
        )

    def stretches(self) -> Iterator[tuple[str, str]]:
        """Yield its stretches of one day, from and to; two where it reaches over midnight."""
        if self.start < self.end:
            yield self.start, self.end
        else:
            yield self.start, "24:00"
            yield "00:00", self.end


class Matched(Table):
    """A row that is for some orders and not for others.

    Attributes:
        match: by dimension (or a fact of the account: plan, surface, region, currency, book) the
            value, the list of values or the range it takes. An absent one, or "*", is open.
        starts_at: from when the row counts; before that it is announced.
        ends_at: until when it counts; the instant itself is outside.
        hours: at which hours of the day it counts.
        ref: where it comes from, in the words of `[sources]`.
    """

    match: Match = Field(default_factory=dict)
    starts_at: Instant | None = Field(alias="from", default=None)
    ends_at: Instant | None = Field(alias="until", default=None)
    hours: Hours | None = None
    ref: Refs = ()

    @model_validator(mode="after")
    def _has_a_time(self) -> "Matched":
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError(_("ends (until) before it begins (from)."))
        return self

    @cached_property
    def constraints(self) -> Mapping[str, frozenset[tuple[str, Scalar]]]:
        """The dimensions that this row ties to certain values, with those values."""
        return {
            name: frozenset(typed(value) for value in matcher)
            for name, matcher in self.match.items()
            if matcher and not isinstance(matcher, Between)
        }

    @cached_property
    def ranges(self) -> Mapping[str, Between]:
        """The dimensions that this row ties to a range of numbers."""
        return {name: m for name, m in self.match.items() if isinstance(m, Between)}

    @cached_property
    def is_timed(self) -> bool:
        """Whether the row counts at some times only."""
        return not (self.starts_at is None and self.ends_at is None and self.hours is None)

    @cached_property
    def specificity(self) -> tuple[int, int, int]:
        """How narrow the row is: dimensions named, how many by a single value, and timed or not."""
        single = sum(len(values) == 1 for values in self.constraints.values())
        return (len(self.constraints) + len(self.ranges), single, int(self.is_timed))

    def matches(self, facts: Mapping[str, Scalar], *, at: datetime) -> bool:
        """Say whether the row is for an order of these facts that is placed at `at`."""
        for name, values in self.constraints.items():
            if name not in facts or typed(facts[name]) not in values:
                return False
        for name, between in self.ranges.items():
            if facts.get(name) not in between:
                return False
        return not self.is_timed or self.counts(at)

    def counts(self, at: datetime) -> bool:
        """Say whether the row counts at the instant `at`."""
        return (
            (self.starts_at is None or self.starts_at <= at)
            and (self.ends_at is None or at < self.ends_at)
            and (self.hours is None or self.hours.holds(at))
        )

    def overlaps(self, other: "Matched") -> bool:
        """Say whether some order at some instant would match both rows."""
        return (
            all(
                not values.isdisjoint(other.constraints.get(name, values))
                and _some_in(values, other.ranges.get(name))
                for name, values in self.constraints.items()
            )
            and all(
                between.meets(other.ranges.get(name, between))
                and _some_in(other.constraints.get(name), between)
                for name, between in self.ranges.items()
            )
            and self._shares_time(other)
        )

    def _shares_time(self, other: "Matched") -> bool:
        if self.ends_at and other.starts_at and self.ends_at <= other.starts_at:
            return False
        if other.ends_at and self.starts_at and other.ends_at <= self.starts_at:
            return False
        return self.hours is None or other.hours is None or self.hours.meets(other.hours)


def _some_in(values: frozenset[tuple[str, Scalar]] | None, between: Between | None) -> bool:
    """Say whether a value lies in the range; where either is open, one does."""
    if values is None or between is None:
        return True
    return any(value in between for _type, value in values)
