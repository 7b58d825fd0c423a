"""Money for invoices: the payment that each has, the tries to take it, and the tries to come."""

from collections.abc import Callable
from typing import Final

from tests.stripe_peer import cards, paying
from tests.stripe_peer.billing import invoicing, standing
from tests.stripe_peer.billing.retries import Retries
from tests.stripe_peer.objects import payment_methods
from tests.stripe_peer.refusals import Refused, declined
from tests.stripe_peer.world import Thing, World, shown

SETTINGS: Final = "_billing_settings"
_DESCRIPTIONS: Final = {
    "subscription_create": "Subscription creation",
    "subscription_update": "Subscription update",
    "subscription_cycle": "Subscription update",
}


Listener = Callable[[World, Thing], object]
_LISTENERS: Final[list[Listener]] = []


def on_paid(listener: Listener) -> Listener:
    """Call a function with the world and the invoice whenever one was paid."""
    _LISTENERS.append(listener)
    return listener


def retries_of(world: World) -> Retries:
    """Return the account's settings for declined invoices."""
    kept = world.kinds.get(SETTINGS, {}).get("retries")
    return Retries(tuple(kept["days"]), kept["outcome"]) if kept else Retries()


def finalize(world: World, invoice: Thing, now: int) -> Thing:
    """Finalize a draft, and give it the payment that it is paid with; nothing due is paid."""
    invoicing.finalize(world, invoice, now)
    if invoice["amount_due"] <= 0:
        settle(world, invoice, now)
    else:
        _open_payment(world, invoice, now)
    return invoice


def settle(world: World, invoice: Thing, now: int, *, off_stripe: bool = False) -> None:
    """Make an invoice paid, with all that follows for its subscription."""
    payment = payment_of(world, invoice)
    if payment is not None and off_stripe:
        _close_payment(world, invoice, now)
    elif payment is not None:
        payment |= {"status": "paid", "amount_paid": invoice["amount_due"]}
        payment["status_transitions"]["paid_at"] = now
    invoicing.mark_paid(world, invoice, now, off_stripe=off_stripe)
    if payment is not None and payment["status"] == "paid":
        # It names no customer, so the event would not know whose clock it is on.
        world.emit("invoice_payment.paid", payment)["created"] = now
    _remember_method(world, invoice)
    for listener in _LISTENERS:
        listener(world, invoice)
    standing.after_paid(world, invoice, now)


def attempt(
    world: World,
    invoice: Thing,
    now: int,
    *,
    method: str | None = None,
    by_itself: bool = False,
    off_session: bool = True,
    is_authenticated: bool = False,
    return_url: str | None = None,
) -> None:
    """Try to take what is due of an open invoice; afterwards it says what came of it.

    Args:
        method: the payment method, if it is not to be the one that the invoice, the subscription
            or the customer has.
        by_itself: nobody asked, so it is tried again later.
        is_authenticated: the holder has already said yes on a page of the bank.
    """
    if by_itself or invoice["attempt_count"] == 0:
        invoice["attempt_count"] += 1
    invoice["attempted"] = True
    intent = intent_of(world, invoice)
    chosen = method or method_of(world, invoice)
    intent["_is_tried"] = True
    if chosen is not None:
        card = payment_methods.resolve(world, chosen)
        # An invoice's payment waits for its owner where a payment off session would fail.
        asks = cards.must_ask(card, is_off_session=off_session) and not is_authenticated
        paying.confirm(
            world,
            intent,
            card,
            is_off_session=off_session and not asks,
            is_authenticated=is_authenticated,
            return_url=return_url,
        )
    intent["_is_tried"] = False
    if intent["status"] in ("requires_payment_method", "requires_action"):
        _failed(world, invoice, intent, now, by_itself=by_itself)


def refusal_of(world: World, invoice: Thing) -> Refused | None:
    """Return what whoever asked for an invoice to be paid is refused with; None if it is paid."""
    if invoice["status"] == "paid":
        return None
    intent = intent_of(world, invoice)
    if intent["last_payment_error"] is not None:
        return paying.refusal_of(intent)
    if intent["status"] == "requires_action":
        return declined(
            "Payment for this subscription requires additional user action before it can be "
            "completed successfully.",
            "subscription_payment_intent_requires_action",
            None,
            payment_intent=shown(intent),
        )
    return without_method() if intent["status"] == "requires_payment_method" else None


def without_method() -> Refused:
    """Return the refusal for a customer who has nothing to pay with."""
    return Refused(
        "This customer has no attached payment source or default payment method. Please consider "
        "adding a default payment method.",
        code="resource_missing",
    )


@paying.on_settled
def heed(world: World, intent: Thing) -> None:
    """Let an invoice know that its payment came to an end, wherever that was."""
    invoice = world.kinds.get("invoice", {}).get(intent.get("_invoice", ""))
    if invoice is None or invoice["status"] not in ("open", "uncollectible"):
        return
    now = world.now(invoice["customer"])
    if intent["status"] == "succeeded":
        settle(world, invoice, now)
    elif intent["last_payment_error"] is not None and not intent["_is_tried"]:
        _failed(world, invoice, intent, now, by_itself=False)


def drop(world: World, invoice: Thing, now: int) -> Thing:
    """Void an invoice, and cancel the payment that it had.

    Raises:
        Refused: it is neither open nor uncollectible.
    """
    invoicing.void(world, invoice, now)
    _close_payment(world, invoice, now)
    return invoice


def payment_of(world: World, invoice: Thing) -> Thing | None:
    """Return the invoice payment that an invoice is paid with; one of nothing has none."""
    for payment in world.all("invoice_payment"):
        if payment["invoice"] == invoice["id"] and payment["is_default"]:
            return payment
    return None


def intent_of(world: World, invoice: Thing) -> Thing:
    """Return the payment intent that an open invoice is paid with."""
    payment = payment_of(world, invoice)
    assert payment is not None, "an open invoice has a payment"
    return world.get("payment_intent", payment["payment"]["payment_intent"])


def method_of(world: World, invoice: Thing) -> str | None:
    """Return the payment method that is used: the invoice's, the subscription's, the customer's."""
    owners = [invoice, world.find(invoicing.subscription_of(invoice) or "") or {}]
    for owner in owners:
        method: str | None = owner.get("default_payment_method")
        if method is not None:
            return method
    settings = world.get("customer", invoice["customer"]).get("invoice_settings") or {}
    chosen: str | None = settings.get("default_payment_method")
    return chosen


def _remember_method(world: World, invoice: Thing) -> None:
    """Let a subscription go on to be paid as it was now, if it wants to (`on_subscription`)."""
    subscription = world.find(invoicing.subscription_of(invoice) or "")
    if subscription is None or payment_of(world, invoice) is None:
        return
    method = intent_of(world, invoice)["payment_method"]
    wants = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    if wants and method is not None and subscription["default_payment_method"] != method:
        standing.change(world, subscription, default_payment_method=method)


def _open_payment(world: World, invoice: Thing, now: int) -> None:
    intent = paying.make(
        world,
        {
            "amount": invoice["amount_due"],
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "description": _DESCRIPTIONS.get(invoice["billing_reason"], "Payment for Invoice"),
            "setup_future_usage": "off_session",
        },
        _invoice=invoice["id"],
        _is_tried=False,
    )
    world.add(
        {
            "id": world.new_id("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": now,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
            "_test_clock": invoice["test_clock"],
        }
    )


def _close_payment(world: World, invoice: Thing, now: int) -> None:
    payment = payment_of(world, invoice)
    if payment is None or payment["status"] != "open":
        return
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = now
    intent = intent_of(world, invoice)
    if intent["status"] not in ("succeeded", "canceled"):
        paying.cancel(world, intent, "void_invoice")


def _failed(world: World, invoice: Thing, intent: Thing, now: int, *, by_itself: bool) -> None:
    before = {"next_payment_attempt": invoice["next_payment_attempt"]}
    is_over = False
    if by_itself and standing.is_retried(world, invoice):
        invoice["next_payment_attempt"] = retries_of(world).next_at(invoice["attempt_count"], now)
        is_over = invoice["next_payment_attempt"] is None
    world.emit("invoice.updated", invoice, before)
    world.emit("invoice.payment_failed", invoice)
    if intent["status"] == "requires_action":
        world.emit("invoice.payment_action_required", invoice)
    standing.after_failed(
        world, invoice, now, outcome=retries_of(world).outcome if is_over else None
    )
