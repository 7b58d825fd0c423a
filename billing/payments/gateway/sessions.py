"""Where Stripe takes the money: Checkout, and the customer's portal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stripe.params.checkout import SessionCreateParams, SessionCreateParamsLineItem

from billing.payments.gateway.client import Wire, understood
from billing.payments.gateway.reading import id_of, moment, part, words
from billing.payments.gateway.seen import SeenSession
from billing.payments.money import stripe_amount


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one price of Stripe's; or of one of ours for this time only.

    Attributes:
        price_id: Stripe's price; "": `amount_micros` of `product_id`, once.
    """

    quantity: int
    price_id: str = ""
    product_id: str = ""
    amount_micros: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """What a page of Checkout shall sell.

    Attributes:
        key: with which the request is made; the same one opens the same page.
        is_plan: it is collected again each period.
        trial_days: so long nothing is paid for a plan; 0: no trial.
        coupon_id: what is taken off; "": buyers may enter a code, if `takes_codes`.
        language: as Stripe's page calls it; "auto": the browser's.
    """

    key: str
    customer_id: str
    is_plan: bool
    currency: str
    lines: Sequence[Line]
    methods: Sequence[str]
    success_url: str
    cancel_url: str
    trial_days: int = 0
    coupon_id: str = ""
    takes_codes: bool = False
    language: str = "auto"
    metadata: Mapping[str, str] = field(default_factory=dict)


def open_session(wire: Wire, order: Order) -> SeenSession:
    """Return the page of an order, opened with the first request of its key.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    params: SessionCreateParams = {
        "mode": "subscription" if order.is_plan else "payment",
        "customer": order.customer_id,
        "client_reference_id": order.key,
        "line_items": [_line(line, order.currency) for line in order.lines],
        "allowed_payment_method_types": list(order.methods),
        "success_url": order.success_url,
        "locale": order.language,
        "metadata": dict(order.metadata),
    }
    if "wechat_pay" in order.methods:  # paid by a code on the page; Stripe wants to be told so
        params["payment_method_options"] = {"wechat_pay": {"client": "web"}}
    if order.cancel_url:
        params["cancel_url"] = order.cancel_url
    if order.coupon_id:
        params["discounts"] = [{"coupon": order.coupon_id}]
    elif order.takes_codes:  # Stripe takes either a discount of ours or codes, not both
        params["allow_promotion_codes"] = True
    _say_what_it_makes(params, order)
    with understood():
        sessions = wire.client().v1.checkout.sessions
        return _seen(sessions.create(params, {"idempotency_key": order.key}).to_dict())


def end_session(wire: Wire, stripe_id: str) -> None:
    """Let nobody pay on a page any more.

    Raises:
        StripeAway: as it says. StripeRefused: the page has ended already.
    """
    with understood():
        wire.client().v1.checkout.sessions.expire(stripe_id)


def session(wire: Wire, stripe_id: str) -> SeenSession:
    """Return a page of Checkout as it is now.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        return _seen(wire.client().v1.checkout.sessions.retrieve(stripe_id).to_dict())


def open_portal(wire: Wire, *, customer_id: str, return_url: str, language: str) -> str:
    """Return the address of a page on which a customer sees his bills, cards and subscription.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        made = wire.client().v1.billing_portal.sessions.create(
            {"customer": customer_id, "return_url": return_url, "locale": language}
        )
        return made.url


def _say_what_it_makes(params: SessionCreateParams, order: Order) -> None:
    """Let the payment or the subscription that the page makes carry our words too."""
    metadata = dict(order.metadata)
    if not order.is_plan:
        # Who wants to may have his card kept, for purchases that he orders in advance.
        params["saved_payment_method_options"] = {"payment_method_save": "enabled"}
        params["payment_intent_data"] = {"metadata": metadata}
    elif order.trial_days:
        params["subscription_data"] = {"metadata": metadata, "trial_period_days": order.trial_days}
    else:
        params["subscription_data"] = {"metadata": metadata}


def _line(line: Line, currency: str) -> SessionCreateParamsLineItem:
    if line.price_id:
        return {"price": line.price_id, "quantity": line.quantity}
    return {
        "price_data": {
            "currency": currency.lower(),
            "product": line.product_id,
            "unit_amount": stripe_amount(line.amount_micros, currency),
        },
        "quantity": line.quantity,
    }


def _seen(told: Mapping[str, Any]) -> SeenSession:
    return SeenSession(
        id=str(told["id"]),
        url=str(told.get("url") or ""),
        status=str(told["status"]),
        payment_status=str(told["payment_status"]),
        customer_id=id_of(told.get("customer")),
        payment_id=id_of(told.get("payment_intent")),
        contract_id=id_of(told.get("subscription")),
        email=str(part(told, "customer_details", "email") or ""),
        expires_at=moment(told["expires_at"]),
        metadata=words(told.get("metadata")),
    )
