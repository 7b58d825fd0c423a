"""The page of a balance: what is free, how it went, and what ends when.

It asks what `GET /v1/balance` asks, by the same selectors; each point of the drawing is what that
answers `as_of` its instant, but all of them are read at once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.ledger import living
from billing.ledger import selectors as ledger
from billing.ledger import services as wallets
from billing.ledger.living import NextGrant
from billing.ledger.selectors import Balance
from billing.packs import selectors as packs
from billing.packs.api import coming_between, coming_of
from billing.pages import chart, saying
from billing.pages.chart import Curve, Point
from billing.pages.edge import Visit
from billing.pages.links import Page
from billing.subscriptions.selectors import standing_of
from plans import selectors as plans

_DAYS: Final = 30  # drawn before and ahead
_LOTS_SHOWN: Final = 12


def facts(visit: Visit) -> dict[str, Any]:
    """Return what the page shows."""
    account = visit.account
    catalog = plans.current().catalog
    wallet = wallets.open_wallet(account, catalog=catalog)
    found = ledger.balance(
        wallet, as_of=None, standing=standing_of(account), coming=partial(coming_of, account)
    )
    points = _course(account, found, partial(living.course, wallet))
    ends = [lot.expires_at for lot in found.expiring if lot.expires_at is not None]
    return {
        "unit": catalog.credit.name.said(),
        "available": saying.amount(found.available_micros),
        "is_empty": not found.available_micros,
        "beside": _beside(found),
        "next": found.next_grant and _coming(found.next_grant, visit, found.as_of),
        "curve": chart.draw(points, now=found.as_of, ends=ends),
        "drawn": _drawn(points, found),
        "changes": _changes(points, found.as_of),
        "expiring": _expiring(found),
        "sources": [
            {"name": saying.source(code), "credits": saying.amount(micros)}
            for code, micros in found.by_source.items()
        ],
        "counted": [
            {
                "name": one.schedule.terms.name.said() if one.schedule.terms.name else "",
                "left": saying.amount(one.left_micros),
                "limit": saying.amount(one.limit_micros),
            }
            for one in found.counted
        ],
        "waiting": [
            {
                "pack": one.pack,
                "credits": saying.amount(one.credits_micros + one.bonus_micros),
                "until": saying.day(one.activate_by) if one.activate_by else "",
            }
            for one in packs.waiting(account, at=found.as_of)
        ],
        "pricing": visit.path(Page.PRICING),
    }


def _course(account: Account, found: Balance, course: Callable[..., list[int]]) -> list[Point]:
    """Return the balance at each midnight of the page's zone, as it is, and where lots end."""
    now = found.as_of
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    begun = timezone.localtime(account.created_at)
    days = [midnight + timedelta(days=number) for number in range(1 - _DAYS, _DAYS + 1)]
    falls = {lot.expires_at for lot in found.expiring if lot.expires_at is not None}
    instants = {at for at in days if at >= begun} | {at for at in falls if at < days[-1]}
    asked = sorted(instants - {now})
    free = course(instants=asked, coming=coming_between(account, asked[0], asked[-1]))
    known = dict.fromkeys((at for at in days if at < begun), 0) | {now: found.available_micros}
    known |= zip(asked, free, strict=True)
    return [Point(at, known[at]) for at in sorted(known)]


def _beside(found: Balance) -> list[dict[str, str]]:
    """Return what else there is to say of the credits; what is nothing is left out."""
    named = (
        ("held", found.held_micros),
        ("locked", found.locked_micros),
        ("debt", found.debt_micros),
    )
    return [{"kind": kind, "credits": saying.amount(micros)} for kind, micros in named if micros]


def _coming(coming: NextGrant, visit: Visit, now: datetime) -> dict[str, Any]:
    is_claimed = coming.mode == "claimed"
    return {
        "credits": saying.amount(coming.credits_micros),
        "at": saying.instant(coming.at),
        "can_be_claimed": is_claimed and coming.at <= now,
        "check_in": visit.path(Page.CHECK_IN),
        "away": saying.away(coming.at, now=now),
        "source": saying.source(coming.source),
    }


def _drawn(points: Sequence[Point], found: Balance) -> dict[str, str]:
    """Return the words beside the drawing, and what it shows as a sentence."""
    last = points[-1]
    curve: Curve = chart.draw(points, now=found.as_of)
    said = _("From %(first)s to %(last)s: %(then)s at first, %(now)s now, %(left)s at the end.") % {
        "first": saying.day(points[0].at),
        "last": saying.day(last.at),
        "then": saying.amount(points[0].micros),
        "now": saying.amount(found.available_micros),
        "left": saying.amount(last.micros),
    }
    return {
        "sentence": said,
        "top": saying.amount(curve.top_micros),
        "first": saying.day(points[0].at)[5:],
        "last": saying.day(last.at)[5:],
    }


def _changes(points: Sequence[Point], now: datetime) -> list[dict[str, Any]]:
    """Return the points at which the balance is another than before."""
    rows = []
    before: int | None = None
    for one in points:
        if one.micros != before:
            rows.append(
                {
                    "day": saying.day(one.at),
                    "credits": saying.amount(one.micros),
                    "is_ahead": one.at > now,
                }
            )
        before = one.micros
    return rows


def _expiring(found: Balance) -> list[dict[str, str]]:
    """Return the lots that end, the soonest first; what follows the first dozen is left out."""
    return [
        {
            "credits": saying.amount(lot.available_micros),
            "at": saying.instant(lot.expires_at),
            "away": saying.away(lot.expires_at, now=found.as_of),
            "source": saying.source(lot.source),
        }
        for lot in found.expiring[:_LOTS_SHOWN]
        if lot.expires_at is not None
    ]
