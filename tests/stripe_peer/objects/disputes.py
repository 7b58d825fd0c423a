"""Disputes: https://docs.stripe.com/api/disputes.

Evidence that says `winning_evidence` or `losing_evidence` decides, as in Stripe's test mode.
"""

from typing import Final

import stripe
from stripe import params

from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World, merge_metadata

_URL: Final = "/v1/disputes"
_DAYS_9_SECONDS: Final = 9 * 86_400
_FEE: Final = 1500
_CLOSED: Final = ("won", "lost", "warning_closed")


def make(
    world: World,
    charge: Thing,
    *,
    reason: str = "fraudulent",
    amount: int | None = None,
    is_inquiry: bool = False,
) -> Thing:
    """Dispute a charge: its money is withdrawn at once; an inquiry only asks.

    Raises:
        Refused: it was not paid, or is disputed already.
    """
    if not charge["paid"] or charge["disputed"]:
        raise Refused(f"Charge {charge['id']} cannot be disputed (the emulator's own rule).")
    disputed = amount or charge["amount"] - charge["amount_refunded"]
    dispute = {
        **nulls(stripe.Dispute),
        "id": world.new_id("du"),
        "object": "dispute",
        "amount": disputed,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": (now := world.now(charge["customer"])),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**nulls(stripe.Dispute.Evidence), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + _DAYS_9_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": "visa",
                "case_type": "inquiry" if is_inquiry else "chargeback",
                "network": "visa",
                "network_reason_code": "10.4",
            },
        },
        "reason": reason,
        "status": "warning_needs_response" if is_inquiry else "needs_response",
        "_customer": charge["customer"],
    }
    world.add(dispute)
    charge["disputed"] = True
    world.emit("charge.dispute.created", dispute)
    if not is_inquiry:
        _move_money(world, dispute, -disputed)
        world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close(world: World, dispute: Thing, *, is_won: bool) -> Thing:
    """End a dispute; who wins has the money back.

    Raises:
        Refused: it has ended already.
    """
    _require_open(dispute)
    is_inquiry = dispute["status"].startswith("warning_")
    dispute["status"] = "warning_closed" if is_inquiry else "won" if is_won else "lost"
    dispute["is_charge_refundable"] = is_won or is_inquiry
    if is_won and not is_inquiry:
        _move_money(world, dispute, dispute["amount"])
        world.emit("charge.dispute.funds_reinstated", dispute)
    world.emit("charge.dispute.closed", dispute)
    return dispute


def is_refundable(world: World, charge: Thing) -> bool:
    """Say whether no dispute stands in the way of a refund."""
    known = matching(world.all("dispute"), {"charge": charge["id"]}, "charge")
    return all(dispute["is_charge_refundable"] for dispute in known)


@operation("GET", _URL, params.DisputeListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """By charge, by payment intent."""
    known = matching(world.all("dispute"), asked.params, "charge", "payment_intent")
    return listed(known, asked.params, _URL)


@operation("GET", f"{_URL}/{{id}}", params.DisputeRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("dispute", asked.ids["id"])


@operation("POST", f"{_URL}/{{id}}", params.DisputeUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Evidence is sent to the bank, unless `submit` is false."""
    dispute = world.get("dispute", asked.ids["id"])
    given = asked.params
    merge_metadata(dispute, given)
    evidence = given.get("evidence")
    if evidence is not None:
        _require_open(dispute)
        dispute["evidence"] |= {name: value or None for name, value in evidence.items()}
        dispute["evidence_details"]["has_evidence"] = True
    if evidence is None or not given.get("submit", True):
        world.emit("charge.dispute.updated", dispute)
        return dispute
    dispute["evidence_details"]["submission_count"] += 1
    dispute["evidence_details"]["submission_method"] = "manual"
    is_inquiry = dispute["status"].startswith("warning_")
    dispute["status"] = "warning_under_review" if is_inquiry else "under_review"
    world.emit("charge.dispute.updated", dispute)
    text = evidence.get("uncategorized_text")
    if text in ("winning_evidence", "losing_evidence"):
        close(world, dispute, is_won=text == "winning_evidence")
    return dispute


@operation("POST", f"{_URL}/{{id}}/close", params.DisputeCloseParams)
def give_up(world: World, asked: Asked) -> Thing:
    """The dispute is lost."""
    return close(world, world.get("dispute", asked.ids["id"]), is_won=False)


def _require_open(dispute: Thing) -> None:
    if dispute["status"] in _CLOSED:
        raise Refused("This dispute is already closed")


def _move_money(world: World, dispute: Thing, amount: int) -> None:
    """Write the movement of the balance that goes with a dispute."""
    fee = _FEE if amount < 0 else 0
    now = world.now(dispute["_customer"])
    dispute["balance_transactions"].append(
        {
            "id": world.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now,
            "balance_type": "payments",
            "created": now,
            "currency": dispute["currency"],
            "description": f"Chargeback {'withdrawal' if amount < 0 else 'reversal'}",
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [],
            "net": amount - fee,
            "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
            "source": dispute["id"],
            "status": "available",
            "type": "adjustment",
        }
    )
