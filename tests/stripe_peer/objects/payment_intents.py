"""Payment intents: https://docs.stripe.com/api/payment_intents."""

from typing import Final

from stripe import params

from tests.stripe_peer import paying
from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.objects import payment_methods
from tests.stripe_peer.objects.payment_methods import WALLETS
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.world import Thing, World, merge_metadata

_URL: Final = "/v1/payment_intents"
_UNCONFIRMED: Final = ("requires_payment_method", "requires_confirmation", "requires_action")


@operation("POST", _URL, params.PaymentIntentCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Make an intent; with `confirm`, try at once to take the money."""
    given = asked.params
    if not given.get("confirm") and given.get("off_session"):
        raise Refused(
            "You cannot set `off_session` unless you set `confirm` to true.", param="off_session"
        )
    method = _method(world, given, given.get("customer"))
    intent = paying.make(world, given)
    if "allowed_payment_method_types" in given:
        intent["allowed_payment_method_types"] = given["allowed_payment_method_types"]
        intent["payment_method_types"] = given["allowed_payment_method_types"]
    else:
        redirects = given.get("automatic_payment_methods", {}).get("allow_redirects", "always")
        intent["automatic_payment_methods"] = {"enabled": True, "allow_redirects": redirects}
        intent["payment_method_types"] = ["card", *WALLETS]
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    return _confirmed(world, intent, given) if given.get("confirm") else intent


@operation("POST", f"{_URL}/{{id}}/confirm", params.PaymentIntentConfirmParams)
def confirm(world: World, asked: Asked) -> Thing:
    """Try to take the money."""
    intent = world.get("payment_intent", asked.ids["id"])
    if intent["status"] not in _UNCONFIRMED:
        raise paying.unexpected(intent, "confirm")
    method = _method(world, asked.params, intent["customer"])
    if method is not None:
        intent["payment_method"] = method["id"]
    return _confirmed(world, intent, asked.params)


@operation("POST", f"{_URL}/{{id}}/cancel", params.PaymentIntentCancelParams)
def cancel(world: World, asked: Asked) -> Thing:
    """Take no money, ever."""
    intent = world.get("payment_intent", asked.ids["id"])
    return paying.cancel(world, intent, asked.params.get("cancellation_reason"))


@operation("POST", f"{_URL}/{{id}}", params.PaymentIntentUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Its metadata always; its amount and method until the money is taken."""
    intent = world.get("payment_intent", asked.ids["id"])
    given = asked.params
    if given.keys() & {"amount", "currency", "payment_method"}:
        if intent["status"] not in _UNCONFIRMED:
            raise paying.unexpected(intent, "update")
        method = _method(world, given, given.get("customer", intent["customer"]))
        if method is not None:
            intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    for name in ("amount", "currency", "customer", "description", "receipt_email"):
        if name in given:
            intent[name] = given[name] or None
    if "setup_future_usage" in given:
        intent["setup_future_usage"] = given["setup_future_usage"] or None
    merge_metadata(intent, given)
    return intent


@operation("GET", _URL, params.PaymentIntentListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """By customer, by when they were made."""
    return listed(
        matching(world.all("payment_intent"), asked.params, "customer"), asked.params, _URL
    )


@operation("GET", f"{_URL}/{{id}}", params.PaymentIntentRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("payment_intent", asked.ids["id"])


def _method(world: World, given: Thing, customer: str | None) -> Thing | None:
    """Return the payment method that a request names or describes.

    Raises:
        Refused: it is not the customer's.
    """
    if "payment_method_data" in given:
        return payment_methods.from_data(world, given["payment_method_data"])
    if "payment_method" not in given:
        return None
    method = payment_methods.resolve(world, given["payment_method"])
    if method["customer"] is not None and method["customer"] != customer:
        raise Refused(
            "The customer does not have a payment method with the ID "
            f"{method['id']}. The payment method must be attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )
    return method


def _confirmed(world: World, intent: Thing, given: Thing) -> Thing:
    if intent["payment_method"] is None:
        raise Refused(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
        )
    automatic = intent["automatic_payment_methods"] or {"allow_redirects": "never"}
    if automatic["allow_redirects"] != "never" and "return_url" not in given:
        raise Refused(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
            "Because some of these payment methods might redirect your customer off of your page, "
            "you must provide a `return_url`. If you don't want to accept redirect-based payment "
            "methods, set `automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents "
            "and Payment Intents.",
            param="return_url",
        )
    method = world.get("payment_method", intent["payment_method"])
    if given.get("setup_future_usage"):
        intent["setup_future_usage"] = given["setup_future_usage"]
    paying.confirm(
        world,
        intent,
        method,
        is_off_session=bool(given.get("off_session")),
        return_url=given.get("return_url"),
    )
    if intent["status"] == "requires_action" and given.get("error_on_requires_action"):
        paying.refuse_challenge(world, intent, method)
    if intent["last_payment_error"] is not None:
        raise paying.refusal_of(intent)
    if intent["status"] == "succeeded" and intent["setup_future_usage"] and intent["customer"]:
        payment_methods.attach(world, method, world.get("customer", intent["customer"]))
    return intent
