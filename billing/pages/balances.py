"""The page of a balance: what is free, how it went, and what ends when.

It asks what `GET /v1/balance` asks, by the same selectors; each point of the drawing is that
answer `as_of` its instant.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.ledger import selectors as ledger
from billing.ledger import services as wallets
from billing.ledger.selectors import Balance, NextGrant
from billing.packs import selectors as packs
from billing.packs.api import coming_of
from billing.pages import chart, saying
from billing.pages.chart import Curve, Point
from billing.pages.edge import Visit
from billing.pages.links import Page
from billing.subscriptions.selectors import standing_of
from plans import selectors as plans
from plans.catalog.schema import Catalog

_DAYS: Final = 30  # drawn before and ahead
_LOTS_SHOWN: Final = 12
_Asked = Callable[[datetime | None], Balance]


def facts(visit: Visit) -> dict[str, Any]:
    """Return what the page shows."""
    account = visit.account
    catalog = plans.current().catalog
    asked = _asker(account, catalog)
    found = asked(None)
    points = list(_course(account, found, asked))
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


def _asker(account: Account, catalog: Catalog) -> _Asked:
    """Return what tells the account's balance now (None), or at another instant."""
    wallet = wallets.open_wallet(account, catalog=catalog)
    standing, coming = standing_of(account), partial(coming_of, account)

    def asked(as_of: datetime | None) -> Balance:
        return ledger.balance(wallet, as_of=as_of, standing=standing, coming=coming)

    return asked


def _course(account: Account, found: Balance, asked: _Asked) -> Iterator[Point]:
    """Yield the balance at each midnight of the page's zone, as it is, and where lots end."""
    now = found.as_of
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    begun = timezone.localtime(account.created_at)
    for days in range(1 - _DAYS, 1):
        at = midnight + timedelta(days=days)
        if at < begun:
            yield Point(at, 0)
        elif at < now:
            yield Point(at, asked(at).available_micros)
    yield Point(now, found.available_micros)
    last = midnight + timedelta(days=_DAYS)
    falls = {lot.expires_at for lot in found.expiring if lot.expires_at is not None}
    days_ahead = {midnight + timedelta(days=days) for days in range(1, _DAYS + 1)}
    for at in sorted(days_ahead | {fall for fall in falls if fall < last}):
        yield Point(at, asked(at).available_micros)


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
