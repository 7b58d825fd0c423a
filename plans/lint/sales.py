"""Hints about how a catalog is paid for: what it says and nothing comes of."""

from collections.abc import Iterator

from plans.catalog.commerce import Change
from plans.catalog.schema import Catalog
from plans.lint.hints import Hint, Loc
from plans.wording import gettext as _


def sale_hints(catalog: Catalog) -> Iterator[Hint]:
    """Yield ways to pay in which nothing has a price, and rules of a change that never count."""
    yield from _methods(catalog)
    policy = catalog.change_policy
    yield from _without_effect(("change_policy", "upgrade"), policy.upgrade)
    yield from _without_effect(("change_policy", "downgrade"), policy.downgrade)


def _methods(catalog: Catalog) -> Iterator[Hint]:
    offers = [one.prices for one in catalog.plans] + [one.prices for one in catalog.packs]
    priced = {price.currency for prices in offers for price in prices}
    for currency in catalog.payments.methods:
        if currency not in priced:
            yield Hint(
                ("payments", "methods", currency),
                "method_without_prices",
                _("nothing has a price in %(currency)s.") % {"currency": currency},
                _("Give a plan or a pack one, or take the currency away."),
            )


def _without_effect(loc: Loc, change: Change) -> Iterator[Hint]:
    """Yield what a change says of money or credits that no change of its kind looks at."""
    said = change.model_fields_set
    if change.when == "period_end":
        idle = [key for key in ("credits", "prorate") if key in said]
    else:
        idle = ["prorate"] if "prorate" in said and change.credits != "difference" else []
    for key in idle:
        yield Hint(
            (*loc, key),
            "change_without_effect",
            _("counts for no change of this kind."),
            _("Take it away: at the end of a period, and in a new one, the whole price is paid."),
        )
