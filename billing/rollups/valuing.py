"""What a day's money and margins come to, as the books and `margin` reckon them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from billing.insights import history, margin, revenue
from billing.rollups.counting import Rows
from billing.rollups.models import MoneyDay, RolledDay
from billing.rollups.subjects import Subject, starts_at, step
from plans.periods import Window

_BY = ("model", "mode", "plan", "backend")
# What is deferred, by whether of the sandbox, and currency.
Stands = dict[tuple[Any, ...], int]
_STILL: Final = revenue.Sums()


def money(_subject: Subject, days: Sequence[date]) -> dict[date, Rows]:
    """Return by day what it did to the money of purchases, after the books of the day before.

    These read every purchase of which anything is deferred, once for all days.

    Args:
        days: that follow each other.
    """
    return _moved(days, _by_the_books(starts_at(days[0])))


def money_gone_on(_subject: Subject, days: Sequence[date]) -> dict[date, Rows]:
    """Return the same, after what is written down of the day before: only what moved is read."""
    before = days[0] - timedelta(days=1)
    if RolledDay.objects.filter(subject=Subject.MONEY, day=before).exists():
        return _moved(days, closes(before)[before])
    return _moved(days, _by_the_books(starts_at(days[0])))


def loose_days() -> set[date]:
    """Return the days of money that do not open with what the day before closed with."""
    closed, opened = closes(), _opens()
    return {
        day + timedelta(days=1)
        for day in closed.keys() | {day - timedelta(days=1) for day in opened}
        if closed.get(day, {}) != opened.get(day + timedelta(days=1), {})
    }


def closes(day: date | None = None) -> dict[date, Stands]:
    """Return what is deferred after each day, or after one, where anything is."""
    found: dict[date, Stands] = defaultdict(dict)
    rows = MoneyDay.objects.all() if day is None else MoneyDay.objects.filter(day=day)
    for row in rows:
        if row.deferred_micros:
            found[row.day][row.is_sandbox, row.currency] = row.deferred_micros
    return found


def _opens() -> dict[date, Stands]:
    found: dict[date, Stands] = defaultdict(dict)
    for row in MoneyDay.objects.all():
        earned = row.used_micros + row.lapsed_micros
        if before := row.deferred_micros - row.sold_micros + row.returned_micros + earned:
            found[row.day][row.is_sandbox, row.currency] = before
    return found


def _by_the_books(instant: datetime) -> Stands:
    return {
        (is_sandbox, currency): micros
        for is_sandbox in (False, True)
        for currency, micros in revenue.deferred_at(instant, is_sandbox=is_sandbox).items()
    }


def _moved(days: Sequence[date], stands: Stands) -> dict[date, Rows]:
    """Return each day's rows: of what was deferred before, or is anything moved."""
    found: dict[date, Rows] = {day: {} for day in days}
    stands = dict(stands)
    for day, rows in found.items():
        moved = revenue.moved_in(_window(day))
        for key in stands.keys() | moved.keys():
            one, before = moved.get(key, _STILL), stands.get(key, 0)
            came = one.sold_micros - one.returned_micros
            stands[key] = before + came - one.used_micros - one.expired_micros
            if before or one.purchases:
                rows[key] = (
                    *(one.sold_micros, one.returned_micros),
                    *(one.used_micros, one.expired_micros, stands[key]),
                )
    return found


def margins(_subject: Subject, days: Sequence[date]) -> dict[date, Rows]:
    """Return by day what its jobs brought and cost, by what they have in common.

    Sums are exact until the last: each is rounded to the micro once.
    """
    return {day: dict(_margins(day)) for day in days}


def _margins(day: date) -> Rows:
    found: Rows = {}
    window = _window(day)
    for is_sandbox in (False, True):
        jobs = history.ended_of(since=window.starts_at, until=window.ends_at, is_sandbox=is_sandbox)
        for names, row in margin.summed(jobs, by=_BY).items():
            found[is_sandbox, *names, ""] = (0, 0, 0, row.jobs, row.side.margin_jobs)
            for currency in row.side.revenue.keys() | row.cost.keys() | row.side.margin.keys():
                amounts = (row.side.revenue, row.cost, row.side.margin)
                sums = tuple(round(money.get(currency, 0)) for money in amounts)
                found[is_sandbox, *names, currency] = (*sums, 0, 0)
    return found


def _window(day: date) -> Window:
    return Window(day.isoformat(), starts_at(day), starts_at(step(Subject.MONEY, day)))
