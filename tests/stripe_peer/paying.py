"""The life of a payment intent: made, confirmed, authenticated, paid or declined, canceled."""

from collections.abc import Callable
from typing import Final

import stripe

from tests.stripe_peer import cards
from tests.stripe_peer.cards import Decline
from tests.stripe_peer.money import currency_of, require_chargeable
from tests.stripe_peer.objects import charges, disputes
from tests.stripe_peer.objects.payment_methods import WALLETS
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World, merge_metadata, shown

_OPEN: Final = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE: Final = (*_OPEN, "processing", "requires_capture")
Listener = Callable[[World, Thing], object]
_LISTENERS: Final[list[Listener]] = []


def on_settled(listener: Listener) -> Listener:
    """Call a function with the world and the intent whenever one was paid, failed or canceled.

    What an intent was made for finds itself by a field of its own: `intent["_invoice"]`.
    """
    _LISTENERS.append(listener)
    return listener


def make(world: World, given: Thing, **own: object) -> Thing:
    """Make a payment intent, and tell it.

    Args:
        given: amount, currency, customer, metadata … as the API takes them.
        own: fields that begin with "_", for the emulator alone.

    Raises:
        Refused: nothing to charge, an unknown currency or customer.
    """
    currency = currency_of(given["currency"])
    require_chargeable(given["amount"], currency)
    customer = given.get("customer")
    if customer is not None:
        world.get("customer", customer, "customer")
    intent = {
        **nulls(stripe.PaymentIntent),
        "id": (identity := world.new_id("pi")),
        "object": "payment_intent",
        "amount": given["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": given.get("capture_method", "automatic_async"),
        "client_secret": f"{identity}_secret_{world.new_id('x', 25)[2:]}",
        "confirmation_method": given.get("confirmation_method", "automatic"),
        "created": world.now(customer),
        "currency": currency,
        "customer": customer,
        "description": given.get("description"),
        "livemode": False,
        "metadata": {},
        "payment_method_types": ["card"],
        "receipt_email": given.get("receipt_email"),
        "setup_future_usage": given.get("setup_future_usage"),
        "shipping": given.get("shipping"),
        "statement_descriptor": given.get("statement_descriptor"),
        "status": "requires_payment_method",
        **own,
    }
    merge_metadata(intent, given)
    world.add(intent)
    world.emit("payment_intent.created", intent)
    return intent


def confirm(
    world: World,
    intent: Thing,
    method: Thing,
    *,
    is_off_session: bool = False,
    is_authenticated: bool = False,
    return_url: str | None = None,
) -> Thing:
    """Try to take the money; afterwards the intent says what came of it.

    It is `succeeded`, or `requires_action` with a page to go to, or `requires_payment_method`
    with `last_payment_error`. Nothing is raised for a decline.

    Args:
        is_authenticated: the holder has already said yes on a page of the bank.
        return_url: where that page leads back to.
    """
    intent |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
    intent["_return_url"] = return_url
    if method["type"] in WALLETS and not is_authenticated:
        return _ask(world, intent, method)
    if not is_authenticated and cards.must_ask(method, is_off_session=is_off_session):
        if is_off_session:
            return _fail(world, intent, method, cards.AUTHENTICATION)
        return _ask(world, intent, method)
    decline = cards.card_of(method).decline
    if decline is not None:
        return _fail(world, intent, method, decline)
    return _succeed(world, intent, method)


def answer_challenge(world: World, intent: Thing, *, is_passed: bool) -> Thing:
    """Go on after the holder was asked on a page: he said yes, or he did not.

    Raises:
        Refused: nothing was asked.
    """
    if intent["status"] not in ("requires_action", "processing"):
        raise unexpected(intent, "authenticate")
    method = world.get("payment_method", intent["payment_method"])
    if not is_passed:
        is_asynchronous = intent["status"] == "processing"
        fault = cards.GENERIC if is_asynchronous else cards.CHALLENGE_FAILED
        return _fail(world, intent, method, fault, is_charged=is_asynchronous)
    if intent["setup_future_usage"] == "off_session":
        method["_is_set_up"] = True
    return confirm(
        world, intent, method, is_authenticated=True, return_url=intent.get("_return_url")
    )


def refuse_challenge(world: World, intent: Thing, method: Thing) -> Thing:
    """Fail a payment whose holder would have to be asked, as `error_on_requires_action` wants."""
    return _fail(world, intent, method, cards.AUTHENTICATION)


def wait(world: World, intent: Thing) -> Thing:
    """Let a wallet's money be under way: whether it comes is known later."""
    intent |= {"status": "processing", "next_action": None, "processing": {"type": "card"}}
    world.emit("payment_intent.processing", intent)
    return intent


def cancel(world: World, intent: Thing, reason: str | None = None) -> Thing:
    """Take no money, ever.

    Raises:
        Refused: it was paid, or canceled before.
    """
    if intent["status"] not in _CANCELABLE:
        raise unexpected(intent, "cancel")
    intent |= {
        "status": "canceled",
        "canceled_at": world.now(intent["customer"]),
        "cancellation_reason": reason,
        "next_action": None,
    }
    world.emit("payment_intent.canceled", intent)
    _tell(world, intent)
    return intent


def unexpected(intent: Thing, verb: str) -> Refused:
    """Return the refusal of a step that an intent's status does not allow."""
    refusal = Refused(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
    )
    refusal.error["payment_intent"] = shown(intent)
    return refusal


def refusal_of(intent: Thing) -> Refused:
    """Return the 402 that an intent's last error is for whoever confirmed it."""
    refusal = Refused(intent["last_payment_error"]["message"], status=402, kind="card_error")
    refusal.error |= intent["last_payment_error"]
    refusal.error["payment_intent"] = shown(intent)
    return refusal


def _ask(world: World, intent: Thing, method: Thing) -> Thing:
    """Send the holder to a page: the bank's, or the wallet's."""
    url = f"{world.address}/authorize/{intent['id']}"
    back = intent["_return_url"]
    kind = method["type"]
    action: Thing = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": back}}
    if kind == "alipay":
        action = {
            "type": "alipay_handle_redirect",
            "alipay_handle_redirect": {
                "native_data": None,
                "native_url": None,
                "return_url": back,
                "url": url,
            },
        }
    elif kind == "wechat_pay":
        action = {
            "type": "wechat_pay_display_qr_code",
            "wechat_pay_display_qr_code": {
                "data": url,
                "hosted_instructions_url": url,
                "image_data_url": "",
                "image_url_png": "",
                "image_url_svg": "",
            },
        }
    elif back is None:
        action = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url},
        }
    intent |= {"status": "requires_action", "next_action": action}
    world.emit("payment_intent.requires_action", intent)
    return intent


def _succeed(world: World, intent: Thing, method: Thing) -> Thing:
    charge = charges.make(world, intent, method)
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "processing": None,
        "next_action": None,
    }
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.succeeded", intent)
    _tell(world, intent)
    card = cards.card_of(method)
    if card.dispute is not None:
        disputes.make(world, charge, reason=card.dispute, is_inquiry=card.is_inquiry)
    return intent


def _fail(
    world: World, intent: Thing, method: Thing, decline: Decline, *, is_charged: bool = True
) -> Thing:
    """Say why no money came; a bank that only failed to authenticate was never charged."""
    error: Thing = {"code": decline.code, "message": decline.message, "type": "card_error"}
    error |= {"payment_method": shown(method)}
    error["doc_url"] = "https://stripe.com/docs/error-codes/" + decline.code.replace("_", "-")
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    charge = charges.make(world, intent, method, decline) if is_charged else None
    if charge is not None:
        error["charge"] = charge["id"]
    if decline is cards.CHALLENGE_FAILED:
        error["type"] = "invalid_request_error"
    intent |= {
        "status": "requires_payment_method",
        "last_payment_error": error,
        "next_action": None,
        "payment_method": None,
        "processing": None,
    }
    if charge is not None:
        world.emit("charge.failed", charge)
    world.emit("payment_intent.payment_failed", intent)
    _tell(world, intent)
    return intent


def _tell(world: World, intent: Thing) -> None:
    for listener in _LISTENERS:
        listener(world, intent)
