"""How a balance went in the last thirty days: what the entries say, and the drawing of it.

Read by the index `entry_by_instant`: the newest entries one by one, and what is older than those
by the last entry of each day.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing.console.accounts.wording import credits_text, instant_text
from billing.ledger.journal import Movement
from billing.ledger.models import Entry, Wallet
from billing.pages import chart
from billing.pages.chart import Point

DAYS: Final = 30
_ONE_BY_ONE_MAX: Final = 200


def drawn(wallet: Wallet, movements: Sequence[Movement], *, now: datetime) -> dict[str, Any]:
    """Return the drawing of the balance, its words, and the same numbers as rows.

    Args:
        movements: what has happened by itself and stands in no entry yet.
    """
    points = _points(wallet, movements, now=now)
    days = _by_day(points, wallet.account.zone, now=now)
    return {
        "curve": chart.draw(points, now=now),
        "top": credits_text(chart.draw(points, now=now).top_micros),
        "first": instant_text(points[0].at),
        "last": instant_text(now),
        "sentence": _("%(days)d days: %(then)s credits at first, %(now)s now.")
        % {
            "days": DAYS,
            "then": credits_text(points[0].micros),
            "now": credits_text(points[-1].micros),
        },
        "rows": [[instant_text(one.at), credits_text(one.micros)] for one in reversed(days)],
    }


def _points(wallet: Wallet, movements: Sequence[Movement], *, now: datetime) -> list[Point]:
    """Return how much was free, at each change of it that is known, the earliest first."""
    first = now - timedelta(days=DAYS)
    entries = Entry.objects.filter(wallet=wallet)
    newest = list(
        entries.filter(effective_at__gt=first, effective_at__lte=now).order_by(
            "-effective_at", "-seq"
        )[:_ONE_BY_ONE_MAX]
    )
    oldest_at = newest[-1].effective_at if len(newest) == _ONE_BY_ONE_MAX else first
    found = {at: _free_at(entries, at) for at in _days(first, oldest_at)}
    found |= {one.effective_at: one.available_after_micros for one in reversed(newest)}
    found |= {
        one.effective_at: one.available_after_micros
        for one in movements
        if one.effective_at > first
    }
    last = max(found)
    found.setdefault(now, found[last])
    return [Point(at, micros) for at, micros in sorted(found.items()) if at <= now]


def _days(first: datetime, until: datetime) -> Iterable[datetime]:
    """Yield `first` and each day after it that is before `until`."""
    yield first
    for days in range(1, DAYS):
        if (at := first + timedelta(days=days)) < until:
            yield at


def _free_at(entries: QuerySet[Entry], at: datetime) -> int:
    before = entries.filter(effective_at__lte=at).order_by("-effective_at", "-seq").first()
    return 0 if before is None else before.available_after_micros


def _by_day(points: Sequence[Point], zone: str, *, now: datetime) -> list[Point]:
    """Return what was free at the end of each day of the account's zone, and now."""
    midnight = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    ends = [midnight - timedelta(days=days) for days in reversed(range(DAYS))]
    found = []
    for at in [*(one for one in ends if one > points[0].at), now]:
        before = [one.micros for one in points if one.at <= at]
        found.append(Point(at, before[-1]))
    return found
