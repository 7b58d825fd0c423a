"""Products, prices and coupons: what the catalog says, as Stripe keeps it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from stripe.params import PriceCreateParams

from billing.payments.gateway.client import StripeRefused, Wire, understood
from billing.payments.gateway.reading import id_of, micros
from billing.payments.gateway.seen import SeenPrice
from billing.payments.money import stripe_amount

_PAGE: Final = 100
_KEYS_AT_ONCE: Final = 10  # as many lookup keys as Stripe looks for in one request
_MONTHS: Final[Mapping[str, int]] = {"month": 1, "year": 12}
_DAYS: Final[Mapping[str, int]] = {"day": 1, "week": 7}
_EXISTS: Final = "resource_already_exists"


@dataclass(frozen=True, slots=True)
class Asked:
    """A price as it shall be.

    Attributes:
        months, days: so long is what it pays for; neither: it is paid once.
    """

    lookup_key: str
    product_id: str
    currency: str
    amount_micros: int
    months: int
    days: int

    def is_met_by(self, seen: SeenPrice) -> bool:
        """Say whether Stripe asks just this."""
        return (
            (seen.currency, seen.amount_micros) == (self.currency, self.amount_micros)
            and (seen.months, seen.days) == (self.months, self.days)
            and seen.product_id == self.product_id
        )


def find_prices(wire: Wire, lookup_keys: Sequence[str]) -> dict[str, SeenPrice]:
    """Return the prices that are asked for under these keys, by key.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    found: dict[str, SeenPrice] = {}
    with understood():
        for first in range(0, len(lookup_keys), _KEYS_AT_ONCE):
            some = list(lookup_keys[first : first + _KEYS_AT_ONCE])
            page = wire.client().v1.prices.list(
                {"lookup_keys": some, "active": True, "limit": _PAGE}
            )
            for one in page.auto_paging_iter():
                seen = _seen(one.to_dict())
                found[seen.lookup_key] = seen
    return found


def all_prices(wire: Wire) -> Iterator[SeenPrice]:
    """Yield every price with a lookup key that is in force.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        for one in (
            wire.client().v1.prices.list({"active": True, "limit": _PAGE}).auto_paging_iter()
        ):
            if one.lookup_key:
                yield _seen(one.to_dict())


def product_name(wire: Wire, product_id: str) -> str | None:
    """Return what a product is called; None: there is no such product, or it is archived.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    try:
        with understood():
            product = wire.client().v1.products.retrieve(product_id)
            return product.name if product.active else None
    except StripeRefused as refusal:
        if refusal.is_missing:
            return None
        raise


def put_product(wire: Wire, product_id: str, *, name: str) -> None:
    """Have a product of this id and name; a repeat changes nothing.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    try:
        with understood():
            wire.client().v1.products.create({"id": product_id, "name": name})
    except StripeRefused as refusal:
        if refusal.code != _EXISTS:
            raise
        with understood():
            wire.client().v1.products.update(product_id, {"name": name, "active": True})


def put_price(wire: Wire, asked: Asked, *, instead_of: SeenPrice | None) -> None:
    """Ask this price from now on; who pays the one before by a subscription goes on paying that.

    A price of Stripe's never changes: a new one takes the key over, and the old one is archived.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    params: PriceCreateParams = {
        "product": asked.product_id,
        "currency": asked.currency.lower(),
        "unit_amount": stripe_amount(asked.amount_micros, asked.currency),
        "lookup_key": asked.lookup_key,
        "transfer_lookup_key": True,
    }
    if asked.months or asked.days:
        unit, count = _recurring(asked)
        params["recurring"] = {"interval": unit, "interval_count": count}
    with understood():
        wire.client().v1.prices.create(params)
    if instead_of is not None:
        archive_price(wire, instead_of.id)


def archive_price(wire: Wire, price_id: str) -> None:
    """Sell nothing for this price any more.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        wire.client().v1.prices.update(price_id, {"active": False})


def put_coupon(wire: Wire, coupon_id: str, *, name: str, off_micros: int, currency: str) -> None:
    """Have a coupon that takes so much off one bill; a repeat changes nothing.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    try:
        with understood():
            wire.client().v1.coupons.create(
                {
                    "id": coupon_id,
                    "name": name,
                    "duration": "once",
                    "amount_off": stripe_amount(off_micros, currency),
                    "currency": currency.lower(),
                }
            )
    except StripeRefused as refusal:
        if refusal.code != _EXISTS:
            raise


def _recurring(asked: Asked) -> tuple[Literal["day", "month", "year"], int]:
    years, months = divmod(asked.months, 12)
    if asked.days:
        return "day", asked.days
    return ("month", asked.months) if months else ("year", years)


def _seen(told: Mapping[str, Any]) -> SeenPrice:
    recurring = told.get("recurring") or {}
    unit, count = recurring.get("interval", ""), recurring.get("interval_count", 0)
    currency = str(told["currency"]).upper()
    return SeenPrice(
        id=str(told["id"]),
        lookup_key=str(told.get("lookup_key") or ""),
        product_id=id_of(told["product"]),
        currency=currency,
        amount_micros=micros(told.get("unit_amount"), currency),
        months=_MONTHS.get(unit, 0) * count,
        days=_DAYS.get(unit, 0) * count,
    )
