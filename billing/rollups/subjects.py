"""What is added up, and how often. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final


class Subject(StrEnum):
    """What a page tells of: each has rows of its own, read from sources of its own."""

    CREDITS = "credits"
    JOBS = "jobs"
    ACCOUNTS = "accounts"
    MONEY = "money"
    MARGINS = "margins"
    COHORTS = "cohorts"


@dataclass(frozen=True, slots=True)
class Span:
    """Days in a row, in UTC: from `since` on, and before `until`."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """How many they are."""
        return (self.until - self.since).days

    @property
    def before(self) -> "Span":
        """As many days right before them."""
        return Span(self.since - timedelta(days=self.days), self.since)


# How old the sums of a day that is not over may grow. What one statement reads comes often; what
# is worked out purchase by purchase or job by job, and what reads a whole month, more seldom.
EVERY: Final[Mapping[Subject, timedelta]] = {
    Subject.CREDITS: timedelta(minutes=5),
    Subject.JOBS: timedelta(minutes=5),
    Subject.ACCOUNTS: timedelta(minutes=5),
    Subject.MONEY: timedelta(hours=1),
    Subject.MARGINS: timedelta(hours=1),
    Subject.COHORTS: timedelta(hours=6),
}
# What was made before midnight may be committed after it, by a process whose clock is slow.
SETTLED_AFTER: Final = timedelta(hours=1)
# Days that are over are read once more each day for so long: whatever came late is found.
LOOKED_BACK: Final = timedelta(days=35)
AGAIN_AFTER: Final = timedelta(days=1)

assert set(EVERY) == set(Subject), "every subject has its time"


def starts_at(day: date) -> datetime:
    """Return the instant at which a day begins, in UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


def step(subject: Subject, day: date) -> date:
    """Return the day after, or of a subject of months the first of the month after."""
    if subject is not Subject.COHORTS:
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def begins(subject: Subject, instant: datetime) -> date:
    """Return the day, or the first day of the month, that an instant is in."""
    day = instant.astimezone(UTC).date()
    return day.replace(day=1) if subject is Subject.COHORTS else day


def is_over(subject: Subject, day: date, *, at: datetime) -> bool:
    """Say whether nothing more is made in the day, or the month, whatever clock makes it."""
    return starts_at(step(subject, day)) + SETTLED_AFTER <= at


def in_a_row(subject: Subject, days: Sequence[date]) -> Iterator[list[date]]:
    """Yield days, the earliest first, in groups whose days follow each other."""
    group: list[date] = []
    for day in days:
        if group and day != step(subject, group[-1]):
            yield group
            group = []
        group.append(day)
    if group:
        yield group
