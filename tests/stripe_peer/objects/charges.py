"""Charges, which payments make: https://docs.stripe.com/api/charges."""

from typing import Final

import stripe
from stripe import params

from tests.stripe_peer.cards import Decline
from tests.stripe_peer.listing import includable, listed, matching
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World, merge_metadata, shown

_URL: Final = "/v1/charges"


def make(world: World, intent: Thing, method: Thing, decline: Decline | None = None) -> Thing:
    """Make the charge of a payment, and tell whether the bank gave the money."""
    is_paid = decline is None
    charge = {
        **nulls(stripe.Charge),
        "id": world.new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if is_paid else 0,
        "amount_refunded": 0,
        "balance_transaction": world.new_id("txn") if is_paid else None,
        "billing_details": dict(method["billing_details"]),
        "calculated_statement_descriptor": "LINGGAN EMULATOR",
        "captured": is_paid,
        "created": world.now(intent["customer"]),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": _outcome(decline),
        "paid": is_paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_url": f"{world.address}/receipts/{intent['id']}",
        "refunded": False,
        "status": "succeeded" if is_paid else "failed",
    }
    world.add(charge)
    intent["latest_charge"] = charge["id"]
    return charge


@includable("charge", "refunds")
def refunds_of(world: World, charge: Thing) -> Thing:
    """Return the refunds of a charge, the newest first."""
    known = matching(world.all("refund"), {"charge": charge["id"]}, "charge")
    return listed(map(shown, known), {"limit": 10}, f"{_URL}/{charge['id']}/refunds")


@operation("GET", _URL, params.ChargeListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """By customer, by payment intent."""
    known = matching(world.all("charge"), asked.params, "customer", "payment_intent")
    return listed(known, asked.params, _URL)


@operation("GET", f"{_URL}/{{id}}", params.ChargeRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("charge", asked.ids["id"])


@operation("POST", f"{_URL}/{{id}}", params.ChargeUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Only words about it can change."""
    charge = world.get("charge", asked.ids["id"])
    for name in ("description", "receipt_email"):
        if name in asked.params:
            charge[name] = asked.params[name] or None
    merge_metadata(charge, asked.params)
    world.emit("charge.updated", charge)
    return charge


def _outcome(decline: Decline | None) -> Thing:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline.decline_code if decline else None,
        "risk_level": "normal",
        "risk_score": 0,
        "seller_message": (
            "The bank did not return any further details with this decline."
            if decline
            else "Payment complete."
        ),
        "type": "issuer_declined" if decline else "authorized",
    }


def _details(method: Thing) -> Thing:
    kind = method["type"]
    if kind != "card":
        return {"type": kind, kind: {}}
    kept = (
        "brand",
        "country",
        "exp_month",
        "exp_year",
        "fingerprint",
        "funding",
        "last4",
        "wallet",
    )
    card = {name: method["card"][name] for name in kept}
    return {"type": kind, kind: {**card, "network": card["brand"], "three_d_secure": None}}
