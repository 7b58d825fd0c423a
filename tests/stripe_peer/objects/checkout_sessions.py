"""Checkout Sessions: https://docs.stripe.com/api/checkout/sessions."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import stripe.checkout
from stripe.params import checkout as params

from tests.stripe_peer import checkout
from tests.stripe_peer.listing import includable, listed, matching
from tests.stripe_peer.objects.payment_methods import WALLETS
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.timetable import Due, timetable
from tests.stripe_peer.world import Thing, World, clock_of, merge_metadata

_URL: Final = "/v1/checkout/sessions"
_LIFE_SECONDS: Final = 86_400
_LIFE_MIN_SECONDS: Final = 1800
_COPIED: Final = (
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer_email",
    "locale",
    "payment_method_options",
    "submit_type",
    "success_url",
)
_ONE_MODE: Final = {
    "customer_creation": "payment",
    "invoice_creation": "payment",
    "payment_intent_data": "payment",
    "submit_type": "payment",
    "subscription_data": "subscription",
}


@includable("checkout.session", "line_items")
def line_items_of(world: World, session: Thing) -> Thing:
    """Return what is bought in a session."""
    url = f"{_URL}/{session['id']}/line_items"
    return {"object": "list", "data": session["_items"], "has_more": False, "url": url}


@operation("POST", _URL, params.SessionCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Make a session, with a page where it can be paid for a day.

    Nothing is told to the webhooks: Stripe has no event for it.
    """
    given = asked.params
    _require_sense(given)
    customer = given.get("customer")
    if customer is not None:
        world.get("customer", customer, "customer")
    now = world.now(customer)
    expires_at = given.get("expires_at", now + _LIFE_SECONDS)
    _require_life(expires_at - now)
    mode = given["mode"]
    items = checkout.items_of(world, given)
    session: Thing = {
        **nulls(stripe.checkout.Session),
        "id": (identity := "cs_test_" + world.new_id("x", 58)[2:]),
        "object": "checkout.session",
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": now,
        "currency": items[0]["currency"],
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": customer,
        "customer_creation": _creation(given),
        "discounts": given.get("discounts", []),
        "expires_at": expires_at,
        "livemode": False,
        "metadata": {},
        "mode": mode,
        "payment_method_collection": given.get("payment_method_collection", "always"),
        "payment_method_types": _methods(given, mode),
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "ui_mode": given.get("ui_mode", "hosted_page"),
        "url": f"{world.address}/c/pay/{identity}",
        **{name: given[name] for name in _COPIED if name in given},
        "_items": items,
        "_given": given,
        "_intent": None,
        "_method": None,
    }
    merge_metadata(session, given)
    checkout.reckon(world, session)
    return world.add(session)


@operation("GET", _URL, params.SessionListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """By customer, payment intent, subscription, status, the payer's address."""
    given = asked.params
    names = ("customer", "payment_intent", "subscription", "status")
    email = given.get("customer_details", {}).get("email")
    known = [
        session
        for session in matching(world.all("checkout.session"), given, *names)
        if email is None or (session["customer_details"] or {}).get("email") == email
    ]
    return listed(known, given, _URL)


@operation("GET", f"{_URL}/{{id}}", params.SessionRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("checkout.session", asked.ids["id"])


@operation("POST", f"{_URL}/{{id}}", params.SessionUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Of what can change at Stripe, this emulator has the metadata."""
    session = world.get("checkout.session", asked.ids["id"])
    if asked.params.keys() - {"metadata"}:
        raise Refused("This emulator changes only `metadata` of a Checkout Session.")
    merge_metadata(session, asked.params)
    return session


@operation("GET", f"{_URL}/{{id}}/line_items", params.SessionLineItemListParams)
def list_line_items(world: World, asked: Asked) -> Thing:
    """What is bought."""
    session = world.get("checkout.session", asked.ids["id"])
    items: Thing = line_items_of(world, session)
    return items


@operation("POST", f"{_URL}/{{id}}/expire", params.SessionExpireParams)
def expire(world: World, asked: Asked) -> Thing:
    """Nobody can pay it any more."""
    session = world.get("checkout.session", asked.ids["id"])
    if session["status"] != "open":
        raise Refused(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of `{session['status']}`."
        )
    return checkout.expire(world, session)


@timetable
def due_sessions(world: World, clock: str | None) -> Iterator[Due]:
    """An open session expires by itself."""
    for session in world.all("checkout.session"):
        if session["status"] == "open" and clock_of(world, session, session["customer"]) == clock:
            yield Due(session["expires_at"], clock, partial(checkout.expire, world, session))


def _require_sense(given: Thing) -> None:
    """Refuse what contradicts itself.

    Raises:
        Refused: something is missing, or belongs to another mode.
    """
    for name in ("mode", "line_items"):
        if name not in given:
            raise missing(name)
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise Refused("This emulator has hosted pages only.", param="ui_mode")
    if given["mode"] == "setup":
        raise Refused("This emulator has no setup mode.", param="mode")
    if "success_url" not in given:
        raise missing("success_url")
    for one, other in (
        ("customer", "customer_email"),
        ("customer", "customer_creation"),
        ("discounts", "allow_promotion_codes"),
    ):
        if one in given and other in given:
            raise Refused(f"You may only specify one of these parameters: {one}, {other}.")
    for name, mode in _ONE_MODE.items():
        if name in given and given["mode"] != mode:
            raise Refused(f"You can not pass `{name}` in `{given['mode']}` mode.", param=name)


def _require_life(seconds: int) -> None:
    """An allowance of two seconds: the client's clock and ours need not agree on the second."""
    if seconds < _LIFE_MIN_SECONDS - 2:
        raise Refused(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session "
            "creation.",
            param="expires_at",
        )
    if seconds > _LIFE_SECONDS + 2:
        raise Refused(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def _creation(given: Thing) -> str | None:
    if "customer" in given:
        return None
    default = "if_required" if given["mode"] == "payment" else "always"
    return str(given.get("customer_creation", default))


def _methods(given: Thing, mode: str) -> list[str]:
    """Return how a session can be paid: neither wallet renews a subscription."""
    allowed = given.get("allowed_payment_method_types")
    if allowed is None:
        return ["card"] if mode == "subscription" else ["card", *WALLETS]
    for kind in allowed:
        if kind not in ("card", *WALLETS):
            raise Refused(
                f"This emulator has no payment method {kind}.", param="allowed_payment_method_types"
            )
        if kind in WALLETS and mode == "subscription":
            raise Refused(
                f"`{kind}` cannot be used in `subscription` mode.",
                param="allowed_payment_method_types",
            )
    options = given.get("payment_method_options", {}).get("wechat_pay", {})
    if "wechat_pay" in allowed and "client" not in options:
        raise missing("payment_method_options[wechat_pay][client]")
    return list(allowed)
