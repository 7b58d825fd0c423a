"""Setup intents, which ready a card for later: https://docs.stripe.com/api/setup_intents."""

from typing import Final

import stripe
from stripe import params

from tests.stripe_peer import cards
from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.objects import payment_methods
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World, merge_metadata, shown

_URL: Final = "/v1/setup_intents"
_OPEN: Final = ("requires_payment_method", "requires_confirmation", "requires_action")


@operation("POST", _URL, params.SetupIntentCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Make one; with `confirm`, try at once."""
    given = asked.params
    customer = given.get("customer")
    if customer is not None:
        world.get("customer", customer, "customer")
    intent = {
        **nulls(stripe.SetupIntent),
        "id": (identity := world.new_id("seti")),
        "object": "setup_intent",
        "client_secret": f"{identity}_secret_{world.new_id('x', 25)[2:]}",
        "created": world.now(customer),
        "customer": customer,
        "description": given.get("description"),
        "livemode": False,
        "metadata": {},
        "payment_method_types": given.get("allowed_payment_method_types", ["card"]),
        "status": "requires_payment_method",
        "usage": given.get("usage", "off_session"),
    }
    merge_metadata(intent, given)
    _take_method(world, intent, given)
    world.add(intent)
    world.emit("setup_intent.created", intent)
    return _confirmed(world, intent, given) if given.get("confirm") else intent


@operation("POST", f"{_URL}/{{id}}/confirm", params.SetupIntentConfirmParams)
def confirm(world: World, asked: Asked) -> Thing:
    """Ready the card: it is the customer's afterwards, and can be charged off session."""
    intent = _open(world, asked, "confirm")
    _take_method(world, intent, asked.params)
    return _confirmed(world, intent, asked.params)


@operation("POST", f"{_URL}/{{id}}/cancel", params.SetupIntentCancelParams)
def cancel(world: World, asked: Asked) -> Thing:
    """It is over."""
    intent = _open(world, asked, "cancel")
    reason = asked.params.get("cancellation_reason")
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    world.emit("setup_intent.canceled", intent)
    return intent


@operation("GET", _URL, params.SetupIntentListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """By customer, by payment method."""
    known = matching(world.all("setup_intent"), asked.params, "customer", "payment_method")
    return listed(known, asked.params, _URL)


@operation("GET", f"{_URL}/{{id}}", params.SetupIntentRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("setup_intent", asked.ids["id"])


def answer_challenge(world: World, intent: Thing, *, is_passed: bool) -> Thing:
    """Go on after the bank asked the holder."""
    method = world.get("payment_method", intent["payment_method"])
    if is_passed:
        return _succeed(world, intent, method)
    fault = cards.CHALLENGE_FAILED
    error: Thing = {"code": "setup_intent_authentication_failure", "message": fault.message}
    error |= {"type": "invalid_request_error", "payment_method": shown(method)}
    return _fail(world, intent, error)


def _open(world: World, asked: Asked, verb: str) -> Thing:
    intent = world.get("setup_intent", asked.ids["id"])
    if intent["status"] not in _OPEN:
        refusal = Refused(
            f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}.",
            code="setup_intent_unexpected_state",
        )
        refusal.error["setup_intent"] = shown(intent)
        raise refusal
    return intent


def _take_method(world: World, intent: Thing, given: Thing) -> None:
    if "payment_method_data" in given:
        method = payment_methods.from_data(world, given["payment_method_data"])
    elif "payment_method" in given:
        method = payment_methods.resolve(world, given["payment_method"])
    else:
        return
    intent |= {"payment_method": method["id"], "status": "requires_confirmation"}


def _confirmed(world: World, intent: Thing, given: Thing) -> Thing:
    if intent["payment_method"] is None:
        raise Refused(
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            code="setup_intent_unexpected_state",
        )
    method = world.get("payment_method", intent["payment_method"])
    card = cards.card_of(method)
    intent["_return_url"] = given.get("return_url")
    if card.decline is not None and not card.is_attachable:
        refusal = payment_methods.card_error(card.decline, payment_method=shown(method))
        _fail(world, intent, dict(refusal.error))
        refusal.error["setup_intent"] = shown(intent)
        raise refusal
    if cards.must_ask(method, is_off_session=False):
        url = f"{world.address}/authorize/{intent['id']}"
        way = {"url": url, "return_url": intent["_return_url"]}
        intent["status"] = "requires_action"
        intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": way}
        world.emit("setup_intent.requires_action", intent)
        return intent
    return _succeed(world, intent, method)


def _succeed(world: World, intent: Thing, method: Thing) -> Thing:
    method["_is_set_up"] = True
    if intent["customer"] is not None:
        payment_methods.attach(world, method, world.get("customer", intent["customer"]))
    intent |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    world.emit("setup_intent.succeeded", intent)
    return intent


def _fail(world: World, intent: Thing, error: Thing) -> Thing:
    intent |= {
        "status": "requires_payment_method",
        "last_setup_error": error,
        "next_action": None,
        "payment_method": None,
    }
    world.emit("setup_intent.setup_failed", intent)
    return intent
