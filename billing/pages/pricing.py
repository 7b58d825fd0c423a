"""The page of prices: plans by interval and currency, packs, and what a video costs.

An account sees its own prices, those that its checkout would ask; everybody else chooses a
currency.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from billing.accounts import selectors as accounts
from billing.ids import new_id
from billing.pages import paying, saying
from billing.pages.edge import Visit
from billing.pages.links import Page
from billing.payments.selectors import living_contract
from billing.subscriptions import selectors as subscriptions
from plans import orders, prices, rating
from plans import selectors as plans
from plans.catalog.offers import Pack, Plan, PlanPrice
from plans.catalog.orderable import Model, Task
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.errors import InvalidSpec, Unpriced
from plans.periods import parse_period

_EXAMPLES_MAX: Final = 24
_BURDENS: Final = frozenset({"watermark"})  # flags that are better off
_MONTH_SECONDS: Final = 31 * 86_400


@dataclass(frozen=True, slots=True)
class _Counter:
    """At which prices is sold.

    Attributes:
        currency: None: the first of each offer.
        book: the price book; None: of none.
    """

    catalog: Catalog
    currency: str | None
    book: str | None
    visit: Visit

    def prices_of(self, offer: Plan | Pack) -> list[PlanPrice]:
        found = prices.prices_of(offer, at=self.visit.now, book=self.book)
        return [one for one in found if self.currency in {None, one.currency}]


def facts(visit: Visit) -> dict[str, Any]:
    """Return what the page shows."""
    counter = _counter(visit)
    catalog = counter.catalog
    sold = [plan for plan in catalog.plans if prices.is_on_sale(plan, at=visit.now)]
    intervals = _intervals(counter, sold)
    asked = visit.request.GET.get("interval", "")
    interval = asked if asked in intervals else next(iter(intervals), "")
    current = _plan_of(counter)
    return {
        "unit": catalog.credit.name.said(),
        "modelled_on": catalog.modelled_on.said() if catalog.modelled_on else "",
        "intervals": [
            {
                "name": saying.by_interval(one),
                "path": visit.here(interval=one),
                "is_on": one == interval,
            }
            for one in intervals
        ],
        "currencies": _currencies(counter),
        "plans": [_plan(counter, plan, interval, current) for plan in sold],
        "packs": [
            shown
            for pack in catalog.packs
            if prices.is_on_sale(pack, at=visit.now) and (shown := _pack(counter, pack))
        ],
        "examples": list(_examples(counter)),
        "once": new_id("key"),
        "can_pay": visit.may_act and paying.can_pay(visit.account),
        "is_subscribed": visit.owner is not None and living_contract(visit.owner) is not None,
    }


def _counter(visit: Visit) -> _Counter:
    catalog = plans.current().catalog
    if visit.owner is not None:
        book = accounts.book_of(visit.owner, catalog=catalog)
        currency = accounts.currency_of(visit.owner, catalog=catalog)
    else:
        known = accounts.currencies_of(catalog)
        asked = visit.request.GET.get("currency", "")
        currency = asked if asked in known else next(iter(known), None)
        book = catalog.book_for(region=None, currency=currency)
    return _Counter(catalog, currency, book.code if book is not None else None, visit)


def _plan_of(counter: _Counter) -> Plan | None:
    """Return the plan that the account is on; None: it has none, or it is nobody's page."""
    owner = counter.visit.owner
    return None if owner is None else subscriptions.plan_of(owner, catalog=counter.catalog)


def _currencies(counter: _Counter) -> list[dict[str, Any]]:
    """Return the choice of a currency; an account has its own."""
    if counter.visit.owner is not None:
        return []
    return [
        {"name": one, "path": counter.visit.here(currency=one), "is_on": one == counter.currency}
        for one in accounts.currencies_of(counter.catalog)
    ]


def _intervals(counter: _Counter, sold: Sequence[Plan]) -> list[str]:
    """Return for how long plans are paid, the shortest first."""
    found = {one.interval for plan in sold for one in counter.prices_of(plan) if one.interval}
    return sorted(found, key=_length)


def _length(interval: str) -> int:
    period = parse_period(interval)
    return period.months * _MONTH_SECONDS + period.days * 86_400 + period.seconds


def _plan(counter: _Counter, plan: Plan, interval: str, current: Plan | None) -> dict[str, Any]:
    asked = next((one for one in counter.prices_of(plan) if one.interval == interval), None)
    rights, visit = plan.entitlements, counter.visit
    unit = counter.catalog.credit.name.said()
    return {
        "code": plan.code,
        "name": plan.name.said(),
        "is_free": plan.free,
        "is_unpriced": plan.unpriced,
        "is_for_teams": plan.is_by_seats,
        "is_current": current is not None and current.code == plan.code,
        "interval": interval,
        "change": visit.path(Page.PLAN, change=plan.code, interval=interval),
        "price": asked and _price(asked),
        "trial": saying.time(plan.trial.period) if plan.trial is not None else "",
        "allowances": [saying.allowance(terms, unit=unit) for terms in plan.allowances],
        "at_once": rights.concurrency,
        "kept": saying.time(rights.keep_outputs) if rights.keep_outputs else "",
        "flags": [_flag(code, is_on=is_on) for code, is_on in rights.flags.items()],
    }


def _price(asked: PlanPrice) -> dict[str, str]:
    """Return what is asked: first, from then on, and on the list where that is more."""
    first, renewal = prices.first_micros(asked), prices.renewal_micros(asked)
    currency = asked.currency
    return {
        "first": saying.price(first, currency),
        "renewal": saying.price(renewal, currency) if renewal != first else "",
        "list": saying.price(asked.list_micros, currency) if asked.list_micros > first else "",
        "each": saying.each(asked.interval) if asked.interval else "",
    }


def _flag(code: str, *, is_on: bool) -> dict[str, Any]:
    return {"is_on": is_on != (code in _BURDENS), "name": saying.flag(code, is_on=is_on)}


def _pack(counter: _Counter, pack: Pack) -> dict[str, Any] | None:
    """Return a pack as it is sold; None: not at these prices."""
    asked = next(iter(counter.prices_of(pack)), None)
    if asked is None:
        return None
    lasts = pack.expiry.split("@")[0]
    name, credits_ = pack.name.said(), saying.amount(pack.credits_micros)
    return {
        "code": pack.code,
        "name": name,
        # Many a pack is called after its credits.
        "credits": "" if credits_.replace(",", "") in name.replace(",", "") else credits_,
        "bonus": saying.amount(pack.bonus.credits_micros) if pack.bonus is not None else "",
        "price": _price(asked),
        "lasts": saying.time(lasts) if lasts.startswith("P") else "",
        "quantity": pack.quantity_min,
    }


def _examples(counter: _Counter) -> Iterator[dict[str, str]]:
    """Yield what the usual order of each task costs, where the catalog can say so by itself."""
    found = 0
    for model in counter.catalog.models:
        for task in model.tasks:
            if found == _EXAMPLES_MAX:
                return
            example = _example(counter, model, task)
            if example is not None:
                found += 1
                yield example


def _example(counter: _Counter, model: Model, task: Task) -> dict[str, str] | None:
    catalog, at = counter.catalog, counter.visit.now
    if (model.ends_at is not None and model.ends_at <= at) or (
        model.starts_at is not None and model.starts_at > at
    ):
        return None
    try:
        spec = {"model": model.code, "task": task.code}
        dimensions = orders.read_order(catalog, spec).dimensions
        cost = rating.rate(catalog, {**dimensions, **_context(counter)}, at=at)
    except (InvalidSpec, Unpriced):
        return None  # it has no usual order: something must be said, or measured
    return {
        "model": model.name.said(),
        "task": saying.task(task.code),
        "settings": _settings(dimensions),
        "credits": saying.amount(cost.total_micros),
    }


def _context(counter: _Counter) -> dict[str, Scalar]:
    """Return what is known of who asks, as far as a price may look at it."""
    catalog, owner = counter.catalog, counter.visit.owner
    plan = _plan_of(counter) or catalog.free_plan
    known = {
        "surface": catalog.surfaces[0],
        "plan": plan.code if plan is not None else None,
        "currency": counter.currency,
        "book": counter.book,
        "region": owner.region if owner is not None and owner.region else None,
    }
    return {"month_count": 0, **{name: one for name, one in known.items() if one is not None}}


def _settings(dimensions: Mapping[str, Scalar]) -> str:
    """Return the choices of an order that a person knows it by."""
    said = []
    if "seconds" in dimensions:
        said.append(_("%(count)s s") % {"count": dimensions["seconds"]})
    said += [str(dimensions[name]) for name in ("resolution", "mode") if name in dimensions]
    return " · ".join(said)
