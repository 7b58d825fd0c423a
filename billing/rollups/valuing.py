"""What a day's money and margins come to, as the books and `margin` reckon them."""

from collections.abc import Sequence
from datetime import date

from billing.insights import history, margin, revenue
from billing.rollups.counting import Rows
from billing.rollups.subjects import Subject, starts_at, step
from plans.periods import Window

_BY = ("model", "mode", "plan", "backend")


def money(_subject: Subject, days: Sequence[date]) -> dict[date, Rows]:
    """Return by day what it did to the money of purchases; they are read once for all days.

    Args:
        days: that follow each other.
    """
    windows = [_window(day) for day in days]
    found: dict[date, Rows] = {day: {} for day in days}
    for is_sandbox in (False, True):
        for currency, sums in revenue.history_of(windows, is_sandbox=is_sandbox).items():
            for day, one in zip(days, sums, strict=True):
                if one.purchases:
                    found[day][is_sandbox, currency] = (
                        *(one.sold_micros, one.returned_micros),
                        *(one.used_micros, one.expired_micros, one.closing_micros),
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
