"""Brings Stripe's prices in step with the catalog's, and finds the one that a buyer pays."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from billing.payments import lookups
from billing.payments.errors import PaymentsNotConfigured, PriceOutOfStep
from billing.payments.gateway import Wire, configured, prices
from billing.payments.gateway.prices import Asked
from billing.payments.gateway.seen import SeenPrice
from billing.payments.lookups import Offer
from billing.payments.money import written
from billing.transactions import forbid_transaction
from plans import selectors as plans

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing at Stripe that is not as the catalog says.

    Attributes:
        kind: "product" (missing, archived or called otherwise), "missing" (a price), "differs"
            (a price), "unsold" (a price that the catalog does not ask any more).
        name: of the product, or the lookup key.
        asked: what the catalog says; "": nothing.
        told: what Stripe says; "": nothing.
    """

    kind: str
    name: str
    asked: str
    told: str


def sync_prices(*, now: datetime, is_dry: bool) -> list[Step]:
    """Stripe asks what the catalog in force asks; return what was otherwise before.

    A price that differs is replaced under its lookup key and archived: who pays it by a
    subscription goes on paying it. What the catalog does not sell any more is archived. A repeat
    finds nothing. Outside any transaction.

    Args:
        is_dry: nothing is changed.

    Raises:
        PaymentsNotConfigured: there is no Stripe.
        StripeAway, StripeRefused: as they say; a repeat goes on.
    """
    forbid_transaction("payments.sync_prices")
    wire = configured()
    if wire is None:
        raise PaymentsNotConfigured
    catalog = plans.current().catalog
    wanted = {one.lookup_key: one for one in lookups.offers(catalog, at=now)}
    told = {
        one.lookup_key: one
        for one in prices.all_prices(wire)
        if lookups.is_of(one.lookup_key, catalog.slug)
    }
    steps = _products(wire, list(wanted.values()), is_dry=is_dry)
    for key, offer in wanted.items():
        steps += _price(wire, offer, told.get(key), is_dry=is_dry)
    for key in sorted(told.keys() - wanted.keys()):
        steps.append(Step("unsold", key, "", _said(told[key])))
        if not is_dry:
            prices.archive_price(wire, told[key].id)
    return steps


def price_for(wire: Wire, offer: Offer) -> SeenPrice:
    """Return Stripe's price of an offer, which is the catalog's to the last cent.

    Raises:
        PriceOutOfStep: it is missing, or another; operators are told.
        StripeAway, StripeRefused: as they say.
    """
    found = prices.find_prices(wire, [offer.lookup_key]).get(offer.lookup_key)
    if found is None or not _asked(offer).is_met_by(found):
        _log.error(
            "price_out_of_step",
            lookup_key=offer.lookup_key,
            asked=_said(_asked(offer)),
            told=_said(found) if found else "",
        )
        raise PriceOutOfStep(lookup_key=offer.lookup_key)
    return found


def _products(wire: Wire, wanted: list[Offer], *, is_dry: bool) -> list[Step]:
    steps = []
    for product_id, name in {one.product_id: one.name for one in wanted}.items():
        told = prices.product_name(wire, product_id)
        if told != name:
            steps.append(Step("product", product_id, name, told or ""))
            if not is_dry:
                prices.put_product(wire, product_id, name=name)
    return steps


def _price(wire: Wire, offer: Offer, told: SeenPrice | None, *, is_dry: bool) -> list[Step]:
    asked = _asked(offer)
    if told is not None and asked.is_met_by(told):
        return []
    if not is_dry:
        prices.put_price(wire, asked, instead_of=told)
    kind = "missing" if told is None else "differs"
    return [Step(kind, offer.lookup_key, _said(asked), _said(told) if told else "")]


def _asked(offer: Offer) -> Asked:
    return Asked(
        lookup_key=offer.lookup_key,
        product_id=offer.product_id,
        currency=offer.currency,
        amount_micros=offer.amount_micros,
        months=offer.months,
        days=offer.days,
    )


def _said(price: Asked | SeenPrice) -> str:
    """Return a price as one reads it."""
    money = written(price.amount_micros, price.currency)
    length = f" / P{price.months}M" if price.months else f" / P{price.days}D" if price.days else ""
    return f"{money['amount']} {money['currency']}{length}"
