"""Which days a page tells of: what its address says, or what is usual. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from billing.rollups.subjects import Span

USUAL: Final = "30d"
_LAST: Final = {"today": 1, "7d": 7, "30d": 30, "90d": 90}
MONTH: Final = "month"
OWN: Final = "own"
RANGES: Final = (*_LAST, MONTH, OWN)
DAYS_MAX: Final = 1096
_BY_DAY_MAX: Final = 92


@dataclass(frozen=True, slots=True)
class Question:
    """What a page is asked to tell.

    Attributes:
        range: one of `RANGES`.
        currency: of money; "": the one in which most was sold.
        is_wrong: what the address says cannot be told, and the usual is told in its place.
    """

    range: str
    span: Span
    is_sandbox: bool = False
    currency: str = ""
    is_wrong: bool = False

    @property
    def is_by_day(self) -> bool:
        """Whether charts and tables have a place for each day; else for each month."""
        return self.span.days <= _BY_DAY_MAX

    def bucket(self, day: date) -> date:
        """Return the place that a day has in charts and tables."""
        return day if self.is_by_day else day.replace(day=1)

    def buckets(self) -> list[date]:
        """Return all places, in order; those of which nothing is told, too."""
        days = (self.span.since + timedelta(days=number) for number in range(self.span.days))
        return sorted({self.bucket(day) for day in days})

    def address(self, **other: str) -> str:
        """Return it as an address says it, with some of it otherwise."""
        said = {"range": self.range, "currency": self.currency}
        if self.range == OWN:
            last = self.span.until - timedelta(days=1)
            said |= {"from": self.span.since.isoformat(), "to": last.isoformat()}
        if self.is_sandbox:
            said["sandbox"] = "1"
        return urlencode({name: text for name, text in (said | other).items() if text})


def read(said: Mapping[str, str], *, today: date) -> Question:
    """Return what an address asks for.

    Args:
        said: range, from, to (the last day), sandbox and currency; all may be missing.
        today: in UTC.
    """
    name = said.get("range") or (OWN if said.get("from") else USUAL)
    currency = said.get("currency", "")[:3].upper()
    side = said.get("sandbox") == "1"
    span = _span(name, said, today)
    if span is None:
        usual = _span(USUAL, {}, today)
        assert usual is not None, "what is usual can be told"
        return Question(USUAL, usual, side, currency, is_wrong=True)
    return Question(name, span, side, currency)


def _span(name: str, said: Mapping[str, str], today: date) -> Span | None:
    tomorrow = today + timedelta(days=1)
    if name in _LAST:
        return Span(tomorrow - timedelta(days=_LAST[name]), tomorrow)
    if name == MONTH:
        return Span(today.replace(day=1), tomorrow)
    if name != OWN:
        return None
    try:
        since = date.fromisoformat(said.get("from", ""))
        last = date.fromisoformat(said.get("to") or today.isoformat())
    except ValueError:
        return None
    if not date(2000, 1, 1) <= since <= last <= date(2199, 12, 31):
        return None
    span = Span(since, last + timedelta(days=1))
    return span if span.days <= DAYS_MAX else None
