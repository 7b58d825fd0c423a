"""Customers: https://docs.stripe.com/api/customers."""

import re
from typing import Final

from stripe import params

from tests.stripe_peer.billing import standing
from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.objects.payment_methods import attach, resolve
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.world import TEST_CLOCK, Thing, World, merge_metadata

_URL: Final = "/v1/customers"
_PLAIN: Final = ("address", "description", "email", "name", "phone", "shipping", "tax_exempt")
_SEARCHED: Final = re.compile(
    r"""\s*(?:metadata\[["'](\w+)["']\]|(\w+))\s*:\s*["']([^"']*)["']\s*"""
)


def make(world: World, given: Thing) -> Thing:
    """Make a customer, and tell it."""
    clock = given.get("test_clock")
    if clock is not None:
        world.get(TEST_CLOCK, clock, "test_clock")
    customer: Thing = {
        "id": world.new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": given.get("balance", 0),
        "created": world.clock_says(clock),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": world.new_id("x", 8)[2:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": given.get("preferred_locales") or [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": clock,
    }
    if "payment_method" in given:
        given = _attached(world, customer, given)
    _change(world, customer, given)
    world.add(customer)
    world.emit("customer.created", customer)
    return customer


@operation("POST", _URL, params.CustomerCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Make a customer."""
    return make(world, asked.params)


@operation("GET", _URL, params.CustomerListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """Without those on a test clock, unless that clock is asked for."""
    clock = asked.params.get("test_clock")
    known = [
        customer
        for customer in matching(world.all("customer"), asked.params, "email")
        if not customer.get("deleted") and customer["test_clock"] == clock
    ]
    return listed(known, asked.params, _URL)


@operation("GET", f"{_URL}/search", params.CustomerSearchParams)
def search(world: World, asked: Asked) -> Thing:
    """By clauses like `metadata["a"]:"b" AND email:"c"`, all of which must hold."""
    clauses = []
    for words in re.split(r"\s+AND\s+", asked.params["query"]):
        found = _SEARCHED.fullmatch(words)
        if found is None:
            raise Refused(f"We were unable to parse your search query: {words}", param="query")
        clauses.append(found.groups())
    known = [
        customer
        for customer in world.all("customer")
        if not customer.get("deleted")
        and all(
            value == (customer["metadata"].get(key) if key else customer.get(name))
            for key, name, value in clauses
        )
    ]
    known = known[::-1][: asked.params.get("limit", 10)]
    return {
        "object": "search_result",
        "data": known,
        "has_more": False,
        "next_page": None,
        "url": f"{_URL}/search",
    }


@operation("GET", f"{_URL}/{{id}}", params.CustomerRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """One that was deleted says so."""
    return world.get("customer", asked.ids["id"])


@operation("POST", f"{_URL}/{{id}}", params.CustomerUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Change what is given."""
    customer = _living(world, asked.ids["id"])
    before = {name: customer.get(name) for name in asked.params if name in customer}
    _change(world, customer, asked.params)
    if "preferred_locales" in asked.params:
        customer["preferred_locales"] = asked.params["preferred_locales"]
    if "balance" in asked.params:
        customer["balance"] = asked.params["balance"]
    world.emit("customer.updated", customer, before)
    return customer


@operation("DELETE", f"{_URL}/{{id}}", params.CustomerDeleteParams)
def delete(world: World, asked: Asked) -> Thing:
    """Only that he was there remains; his subscriptions end."""
    customer = _living(world, asked.ids["id"])
    for subscription in world.all("subscription"):
        if subscription["customer"] == customer["id"] and subscription["status"] in standing.LIVING:
            standing.end(world, subscription, world.now(customer["id"]), why=None)
    world.emit("customer.deleted", customer)
    for method in world.all("payment_method"):
        if method["customer"] == customer["id"]:
            method["customer"] = None
    gone: Thing = {"id": customer["id"], "object": "customer", "deleted": True}
    return world.add(gone)


def _living(world: World, identity: str) -> Thing:
    customer = world.get("customer", identity)
    if customer.get("deleted"):
        raise Refused(
            f"No such customer: '{identity}'", status=404, code="resource_missing", param="id"
        )
    return customer


def _change(world: World, customer: Thing, given: Thing) -> None:
    for name in _PLAIN:
        if name in given:
            customer[name] = given[name] or None
    merge_metadata(customer, given)
    settings = given.get("invoice_settings") or {}
    if settings.get("default_payment_method"):
        method = world.get(
            "payment_method",
            settings["default_payment_method"],
            "invoice_settings[default_payment_method]",
        )
        if method["customer"] != customer["id"]:
            raise Refused(
                f"The customer does not have a payment method with the ID {method['id']}. The "
                "payment method must be attached to the customer.",
                code="resource_missing",
                param="invoice_settings[default_payment_method]",
            )
    customer["invoice_settings"] |= {name: value or None for name, value in settings.items()}


def _attached(world: World, customer: Thing, given: Thing) -> Thing:
    """Attach the first payment method; return what is given with its id in place of its name."""
    method = attach(world, resolve(world, given["payment_method"]), customer)
    settings = dict(given.get("invoice_settings", {}))
    if settings.get("default_payment_method") == given["payment_method"]:
        settings["default_payment_method"] = method["id"]
    return {**given, "invoice_settings": settings}
