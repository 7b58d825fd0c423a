"""Products and prices: https://docs.stripe.com/api/prices."""

from typing import Final

import stripe
from stripe import params

from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.money import currency_of
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World, merge_metadata

_PRODUCTS: Final = "/v1/products"
_PRICES: Final = "/v1/prices"
_PLAIN: Final = (
    "active",
    "description",
    "images",
    "marketing_features",
    "name",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
)


# -- products ----------------------------------------------------------------------------------
def make_product(world: World, given: Thing) -> Thing:
    """Make a product, and tell it.

    Raises:
        Refused: its id is taken.
    """
    identity = given.get("id") or world.new_id("prod")
    if identity in world.kinds.get("product", {}):
        raise Refused(f"Product already exists: {identity}", code="resource_already_exists")
    now = world.now()
    product = {
        **nulls(stripe.Product),
        "id": identity,
        "object": "product",
        "active": True,
        "created": now,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "type": given.get("type", "service"),
        "updated": now,
    }
    _change_product(product, given)
    world.add(product)
    world.emit("product.created", product)
    if "default_price_data" in given:
        price = make_price(world, {**given["default_price_data"], "product": identity})
        product["default_price"] = price["id"]
    return product


@operation("POST", _PRODUCTS, params.ProductCreateParams)
def create_product(world: World, asked: Asked) -> Thing:
    """Make a product."""
    return make_product(world, asked.params)


@operation("GET", _PRODUCTS, params.ProductListParams)
def list_products(world: World, asked: Asked) -> Thing:
    """By `active`, by ids."""
    known = matching(world.all("product"), asked.params, "active", "shippable", "url")
    ids = asked.params.get("ids")
    return listed([p for p in known if not ids or p["id"] in ids], asked.params, _PRODUCTS)


@operation("GET", f"{_PRODUCTS}/{{id}}", params.ProductRetrieveParams)
def retrieve_product(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("product", asked.ids["id"])


@operation("POST", f"{_PRODUCTS}/{{id}}", params.ProductUpdateParams)
def update_product(world: World, asked: Asked) -> Thing:
    """Change what is given."""
    product = world.get("product", asked.ids["id"])
    before = {name: product.get(name) for name in asked.params if name in product}
    if asked.params.get("default_price"):
        world.get("price", asked.params["default_price"], "default_price")
        product["default_price"] = asked.params["default_price"]
    _change_product(product, asked.params)
    product["updated"] = world.now()
    world.emit("product.updated", product, before)
    return product


@operation("DELETE", f"{_PRODUCTS}/{{id}}", params.ProductDeleteParams)
def delete_product(world: World, asked: Asked) -> Thing:
    """Only a product without prices can go."""
    product = world.get("product", asked.ids["id"])
    if any(price["product"] == product["id"] for price in world.all("price")):
        raise Refused(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    del world.kinds["product"][product["id"]]
    world.emit("product.deleted", product)
    return {"id": product["id"], "object": "product", "deleted": True}


def _change_product(product: Thing, given: Thing) -> None:
    for name in _PLAIN:
        if name in given:
            product[name] = None if given[name] == "" else given[name]
    merge_metadata(product, given)


# -- prices ------------------------------------------------------------------------------------
def make_price(world: World, given: Thing) -> Thing:
    """Make a price, and tell it.

    Raises:
        Refused: no product, no amount, or a lookup key that another price has.
    """
    currency = currency_of(given["currency"])
    if "unit_amount" not in given and "unit_amount_decimal" not in given:
        raise Refused(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."
        )
    if ("product" in given) == ("product_data" in given):
        raise Refused("You must specify either `product` or `product_data` when creating a price.")
    if "product" in given:
        product = world.get("product", given["product"], "product")
    else:
        product = make_product(world, given["product_data"])
    amount, decimal = _amounts(given)
    price = {
        **nulls(stripe.Price),
        "id": world.new_id("price"),
        "object": "price",
        "active": given.get("active", True),
        "billing_scheme": given.get("billing_scheme", "per_unit"),
        "created": world.now(),
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "nickname": given.get("nickname"),
        "product": product["id"],
        "recurring": _recurring(given.get("recurring")),
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "type": "recurring" if "recurring" in given else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": decimal,
    }
    merge_metadata(price, given)
    _take_lookup_key(world, price, given)
    world.add(price)
    world.emit("price.created", price)
    return price


@operation("POST", _PRICES, params.PriceCreateParams)
def create_price(world: World, asked: Asked) -> Thing:
    """Make a price."""
    return make_price(world, asked.params)


@operation("GET", _PRICES, params.PriceListParams)
def list_prices(world: World, asked: Asked) -> Thing:
    """By product, currency, type, lookup keys, interval."""
    given = asked.params
    keys = given.get("lookup_keys")
    recurring = given.get("recurring", {})
    known = [
        price
        for price in matching(world.all("price"), given, "active", "currency", "product", "type")
        if (keys is None or price["lookup_key"] in keys)
        and all((price["recurring"] or {}).get(name) == value for name, value in recurring.items())
    ]
    return listed(known, given, _PRICES)


@operation("GET", f"{_PRICES}/{{id}}", params.PriceRetrieveParams)
def retrieve_price(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("price", asked.ids["id"])


@operation("POST", f"{_PRICES}/{{id}}", params.PriceUpdateParams)
def update_price(world: World, asked: Asked) -> Thing:
    """Its amount, currency and interval are for ever; the rest can change."""
    price = world.get("price", asked.ids["id"])
    given = asked.params
    before = {name: price.get(name) for name in given if name in price}
    _take_lookup_key(world, price, given)
    for name in ("active", "nickname", "tax_behavior"):
        if name in given:
            price[name] = given[name]
    merge_metadata(price, given)
    world.emit("price.updated", price, before)
    return price


def _amounts(given: Thing) -> tuple[int | None, str]:
    if "unit_amount" in given:
        return given["unit_amount"], str(given["unit_amount"])
    decimal = str(given["unit_amount_decimal"])
    return (int(decimal) if decimal.isdecimal() else None), decimal


def _recurring(given: Thing | None) -> Thing | None:
    if given is None:
        return None
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": given.get("meter"),
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": given.get("usage_type", "licensed"),
    }


def _take_lookup_key(world: World, price: Thing, given: Thing) -> None:
    """A key has one price; with `transfer_lookup_key` the other loses it."""
    key = given.get("lookup_key")
    if key is None:
        return
    for other in world.all("price"):
        if other["lookup_key"] == key and other["id"] != price["id"]:
            if not given.get("transfer_lookup_key"):
                raise Refused(
                    f"A price (`{other['id']}`) already uses that lookup key.", param="lookup_key"
                )
            other["lookup_key"] = None
            world.emit("price.updated", other, {"lookup_key": key})
    price["lookup_key"] = key
