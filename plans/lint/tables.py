"""Hints that single tables give: dates, texts, expiries, limits and sources."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final

from plans import periods
from plans.catalog.allowances import Allowance
from plans.catalog.offers import PlanPrice
from plans.catalog.policies import Book
from plans.catalog.rates import FlatRate, LookupRate, PerUnitRate, TiersRate
from plans.catalog.rights import CountLimit, Entitlements
from plans.catalog.schema import Catalog
from plans.catalog.values import DAY_END, NEVER, SUBSCRIPTION_END, WINDOW_END, Refs, Table, Text
from plans.credits import format_micros
from plans.lint.hints import Hint, Loc
from plans.rating import round_micros
from plans.wording import gettext as _

_ORDINARY: Final = re.compile(r"(^| )[a-z]{2,}")  # a word that is no name
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
# The shortest that each window can be, in seconds.
_WINDOWS: Final = {
    "daily": 86_400,
    "weekly": 604_800,
    "monthly": 28 * 86_400,
    "yearly": 365 * 86_400,
}


def table_hints(catalog: Catalog, *, at: datetime) -> Iterator[Hint]:
    """Yield what is odd in single tables of `catalog`, read at the instant `at`."""
    yield from _ended(catalog, at)
    yield from _texts(catalog)
    yield from _sources(catalog)
    yield from _changed_by_rounding(catalog)
    for number, plan in enumerate(catalog.plans):
        yield from _prices(("plan", number), plan.prices, at)
        for place, allowance in enumerate(plan.allowances):
            yield from _expiry(("plan", number, "allowance", place), allowance)
        loc: Loc = ("plan", number, "entitlements")
        yield from _limits_without_effect(loc, plan.entitlements)
    for number, pack in enumerate(catalog.packs):
        yield from _prices(("pack", number), pack.prices, at)
    yield from _unreachable(catalog, at)


# -- time --------------------------------------------------------------------------------------
def _ended(catalog: Catalog, at: datetime) -> Iterator[Hint]:
    named = (
        ("plan", catalog.plans),
        ("pack", catalog.packs),
        ("campaign", catalog.campaigns),
        ("model", catalog.models),
        ("rate", catalog.rates),
        ("modifier", catalog.modifiers),
    )
    for key, rows in named:
        for number, row in enumerate(rows):
            starts_at, ends_at = row.starts_at, row.ends_at
            if starts_at and ends_at and ends_at <= starts_at:
                yield Hint(
                    (key, number, "until"),
                    "reversed",
                    _("ends (until) before it begins (from)."),
                    _("Exchange the two."),
                )
            elif ends_at is not None and ends_at <= at:
                yield Hint(
                    (key, number, "until"),
                    "ended",
                    _("is over since %(when)s.") % {"when": ends_at.isoformat()},
                    _("Take it out, unless it is kept to explain old prices."),
                )


def _prices(loc: Loc, prices: Sequence[PlanPrice], at: datetime) -> Iterator[Hint]:
    for place, price in enumerate(prices):
        here = (*loc, "prices", place)
        if price.starts_at and price.ends_at and price.ends_at <= price.starts_at:
            yield Hint(
                (*here, "until"),
                "reversed",
                _("ends (until) before it begins (from)."),
                _("Exchange the two."),
            )
        for key, micros in (("first", price.first_micros), ("renewal", price.renewal_micros)):
            if micros is not None and micros > price.list_micros:
                yield Hint(
                    (*here, key),
                    "dearer_than_list",
                    _("is above the list price %(list)s.")
                    % {"list": format_micros(price.list_micros)},
                    _("The list price is the one that is crossed out; exchange the two."),
                )
    if prices and all(price.ends_at is not None and price.ends_at <= at for price in prices):
        yield Hint(
            (*loc, "prices"),
            "no_price_in_force",
            _("none of its prices is in force any more, so nobody can buy it."),
            _("Add a price without until, or end the whole table with until."),
        )


def _unreachable(catalog: Catalog, at: datetime) -> Iterator[Hint]:
    if all(plan.ends_at is not None and plan.ends_at <= at for plan in catalog.plans):
        yield Hint(
            ("plan", 0),
            "no_plan_on_sale",
            _("no plan of this file can be chosen any more."),
            _("Let a plan go on without until."),
        )
    offered = {
        lane
        for model in catalog.models
        for task in model.tasks
        for name, dimension in model.dimensions_of(task).items()
        if name == "lane"
        for lane in dimension.values or ()
    }
    for number, lane in enumerate(catalog.lanes):
        if lane.code not in offered:
            yield Hint(
                ("lane", number),
                "lane_not_offered",
                _("no model lets an order choose the lane %(lane)s.") % {"lane": lane.code},
                _('Add it to the dimension lane of a model: lane = { values = ["%(lane)s"] }.')
                % {"lane": lane.code},
            )
    for number, book in enumerate(catalog.books):
        if any(_takes_all(one, book) for one in catalog.books[:number]):
            yield Hint(
                ("book", number),
                "book_never_chosen",
                _("is never chosen: a book before it fits all that it fits."),
                _(
                    "Give the book before it regions or currencies. The home market stays first: "
                    "an account whose region is not known pays by the first book."
                ),
            )


def _takes_all(first: Book, book: Book) -> bool:
    """Say whether every account that `book` fits is one that `first` fits."""
    return all(
        not mine or (theirs and set(theirs) <= set(mine))
        for mine, theirs in ((first.regions, book.regions), (first.currencies, book.currencies))
    )


# -- texts and sources -------------------------------------------------------------------------
def _texts(catalog: Catalog) -> Iterator[Hint]:
    """Yield texts that were not translated; a name may be the same: "ChatGPT Plus"."""
    for loc, text in _named(catalog):
        if text.en == text.zh and _ORDINARY.search(text.en) and not _HAN.search(text.zh):
            yield Hint(
                (*loc, "zh"),
                "not_translated",
                _("is the same in both languages: %(text)s.") % {"text": text.en},
                _("Write it in Chinese, unless it is a name."),
            )
        elif _HAN.search(text.en):
            yield Hint(
                (*loc, "en"),
                "not_translated",
                _("is in Chinese."),
                _("Write it in English; the Chinese stands in zh."),
            )


def _named(catalog: Catalog) -> Iterator[tuple[Loc, Text]]:
    yield ("credit", "name"), catalog.credit.name
    for key, names in (
        ("plan", [one.name for one in catalog.plans]),
        ("pack", [one.name for one in catalog.packs]),
        ("campaign", [one.name for one in catalog.campaigns]),
        ("conversion", [one.name for one in catalog.conversions]),
        ("lane", [one.name for one in catalog.lanes]),
    ):
        for number, name in enumerate(names):
            yield (key, number, "name"), name
    for key, labelled in (("rate", catalog.rates), ("modifier", catalog.modifiers)):
        for number, row in enumerate(labelled):
            if row.label is not None:
                yield (key, number, "label"), row.label
    for number, plan in enumerate(catalog.plans):
        for place, allowance in enumerate(plan.allowances):
            if allowance.name is not None:
                yield ("plan", number, "allowance", place, "name"), allowance.name


def _sources(catalog: Catalog) -> Iterator[Hint]:
    used = {ref for refs in _refs(catalog) for ref in refs}
    for code in catalog.sources:
        if code not in used:
            yield Hint(
                ("sources", code),
                "source_not_used",
                _("no ref names it."),
                _('Write ref = "%(code)s" where its facts stand, or take it out.') % {"code": code},
            )


def _refs(value: object) -> Iterator[Refs]:
    """Yield every `ref` of a table and of all tables inside of it."""
    if isinstance(value, Table):
        yield getattr(value, "ref", ())
        for name in type(value).model_fields:
            yield from _refs(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _refs(item)
    elif isinstance(value, dict):
        yield from _refs(tuple(value.values()))


# -- credits -----------------------------------------------------------------------------------
def _changed_by_rounding(catalog: Catalog) -> Iterator[Hint]:
    """Yield prices for whole outputs that a customer would not meet as they are printed."""
    for number, rate in enumerate(catalog.rates):
        printed: dict[Loc, int] = {}
        if isinstance(rate, FlatRate):
            printed["rate", number, "price"] = rate.price_micros
        elif isinstance(rate, LookupRate):
            printed = {("rate", number, "table", key): price for key, price in rate.table.items()}
        elif isinstance(rate, PerUnitRate):
            printed["rate", number, "base"] = rate.base_micros
            if rate.per == 1 and rate.block is not None:
                printed["rate", number, "price"] = rate.price_micros
        for key, bound in (("min", rate.min_micros), ("max", rate.max_micros)):
            printed["rate", number, key] = bound or 0
        yield from _rounded(catalog, printed)
    yield from _rounded_units(catalog)


def _rounded(catalog: Catalog, printed: Mapping[Loc, int]) -> Iterator[Hint]:
    for loc, micros in printed.items():
        asked = round_micros(catalog.credit, Fraction(micros))
        if asked != micros:
            yield Hint(
                loc,
                "changed_by_rounding",
                _("%(printed)s becomes %(asked)s when it is rounded.")
                % {"printed": format_micros(micros), "asked": format_micros(asked)},
                _("Give [credit] as many decimals as the prices have."),
            )


def _rounded_units(catalog: Catalog) -> Iterator[Hint]:
    """Yield once that prices of single units have more places than a price keeps."""
    finer = [
        (row, micros)
        for row, micros in _unit_prices(catalog)
        if round_micros(catalog.credit, Fraction(micros)) != micros
    ]
    if finer:
        row, micros = finer[0]
        yield Hint(
            ("credit",),
            "units_rounded",
            _("keeps fewer places than the price of a unit or part has: %(price)s in %(row)s.")
            % {"price": format_micros(micros), "row": row},
            _("Give it more decimals, unless the page rounds what several units cost together."),
        )


def _unit_prices(catalog: Catalog) -> Iterator[tuple[str, int]]:
    """Yield what units, tiers, further parts and additions cost, with the row that says so."""
    for rate in catalog.rates:
        if isinstance(rate, PerUnitRate) and rate.per == 1 and rate.block is None:
            yield rate.id, rate.price_micros
        for tier in rate.tiers if isinstance(rate, TiersRate) else ():
            yield rate.id, tier.price_micros
            yield rate.id, tier.flat_micros
        for also in rate.also:
            yield rate.id, also.price_micros
    for modifier in catalog.modifiers:
        for micros in (modifier.add_micros, modifier.at_least_micros, modifier.at_most_micros):
            yield modifier.id, micros or 0
        if modifier.per_item is not None:
            yield modifier.id, modifier.per_item.price_micros


def _expiry(loc: Loc, allowance: Allowance) -> Iterator[Hint]:
    seconds = _seconds_of(allowance.expiry)
    window = _WINDOWS.get(allowance.cadence)
    if allowance.cadence == "rolling" and allowance.period is not None:
        window = _seconds_of(allowance.period)
    if seconds is not None and window is not None and seconds < window:
        yield Hint(
            (*loc, "expiry"),
            "expires_within_window",
            _("ends before the next window brings new credits."),
            _('expiry = "window_end" lasts until then.'),
        )


def _seconds_of(expiry: str) -> int | None:
    if expiry in {WINDOW_END, NEVER, SUBSCRIPTION_END}:
        return None
    period = periods.parse_period(expiry.removesuffix(DAY_END))
    # A month may have 31 days: what is shorter in any case is meant here.
    return (period.months * 31 + period.days) * 86_400 + period.seconds


# -- limits ------------------------------------------------------------------------------------
def _limits_without_effect(loc: Loc, rights: Entitlements) -> Iterator[Hint]:
    for place, step in enumerate(rights.steps):
        if step.concurrency <= rights.concurrency:
            yield Hint(
                (*loc, "step", place, "concurrency"),
                "step_without_effect",
                _("is not above the plan's own %(own)s.") % {"own": rights.concurrency},
                _("Give it more, or take the step out."),
            )
    for place, count in enumerate(rights.counts):
        wider = next((one for one in rights.counts if _is_never_reached(count, one)), None)
        if wider is not None:
            yield Hint(
                (*loc, "count", place),
                "count_never_reached",
                _("is never reached: the same orders are limited to fewer in a %(window)s.")
                % {"window": wider.window},
                _("Exchange the two numbers, or take this one out."),
            )


def _is_never_reached(count: CountLimit, other: CountLimit) -> bool:
    """Say whether a month that `other` counts ends before a day is full that `count` counts."""
    if (count.window, other.window) != ("day", "month") or count.match != other.match:
        return False
    pairs = (
        (count.orders, other.orders),
        (count.outputs, other.outputs),
        (count.credits_micros, other.credits_micros),
    )
    return any(mine and theirs and mine > theirs for mine, theirs in pairs)
