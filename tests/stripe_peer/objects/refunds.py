"""Refunds: https://docs.stripe.com/api/refunds."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import stripe
from stripe import params

from tests.stripe_peer.cards import card_of
from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.money import worded
from tests.stripe_peer.objects import disputes
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.timetable import Due, timetable
from tests.stripe_peer.world import Thing, World, clock_of, merge_metadata

_URL: Final = "/v1/refunds"
_MINUTE: Final = 60


def make(world: World, charge: Thing, given: Thing, *, status: str | None = None) -> Thing:
    """Give money back, and tell it.

    Args:
        status: "pending" lets it wait for `settle`; else the test card decides.

    Raises:
        Refused: it was charged back, all is refunded, or it is more than is left.
    """
    amount = given.get("amount")
    left = charge["amount"] - charge["amount_refunded"]
    if not disputes.is_refundable(world, charge):
        raise Refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if left == 0:
        raise Refused(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    _require_within(charge, amount, left)
    method = world.find(charge["payment_method"] or "") or {}
    how = card_of(method).refund
    refund = {
        **nulls(stripe.Refund),
        "id": world.new_id("re"),
        "object": "refund",
        "amount": left if amount is None else amount,
        "balance_transaction": world.new_id("txn"),
        "charge": charge["id"],
        "created": world.now(charge["customer"]),
        "currency": charge["currency"],
        "destination_details": {"type": "card", "card": {"type": "refund"}},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": given.get("reason"),
        "status": status or ("pending" if how == "pending" else "succeeded"),
        "_customer": charge["customer"],
        "_becomes": {"pending": "succeeded", "failing": "failed"}.get(how),
    }
    merge_metadata(refund, given)
    world.add(refund)
    _count(charge, refund["amount"])
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge)
    return refund


def settle(world: World, refund: Thing, status: str) -> Thing:
    """Say what became of a refund: "succeeded", or "failed", and the money is with us again.

    Raises:
        Refused: it has failed or was canceled already.
    """
    if refund["status"] in ("failed", "canceled"):
        raise Refused(f"Refund {refund['id']} is {refund['status']} (the emulator's own rule).")
    before = {"status": refund["status"]}
    refund |= {"status": status, "_becomes": None}
    charge = world.get("charge", refund["charge"])
    if status == "failed":
        refund["failure_reason"] = "unknown"
        refund["failure_balance_transaction"] = world.new_id("txn")
        _count(charge, -refund["amount"])
        world.emit("refund.failed", refund)
    world.emit("refund.updated", refund, before)
    world.emit("charge.refund.updated", refund, before)
    return refund


@timetable
def due_refunds(world: World, clock: str | None) -> Iterator[Due]:
    """The refunds of two test cards: one comes late, one fails late."""
    for refund in world.all("refund"):
        if refund["_becomes"] is not None and clock_of(world, refund, refund["_customer"]) == clock:
            end = partial(settle, world, refund, refund["_becomes"])
            yield Due(refund["created"] + _MINUTE, clock, end)


@operation("POST", _URL, params.RefundCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Of a charge, or of the charge that an intent has."""
    given = asked.params
    if "charge" in given:
        charge = world.get("charge", given["charge"], "charge")
    elif "payment_intent" in given:
        intent = world.get("payment_intent", given["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise Refused(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            )
        charge = world.get("charge", intent["latest_charge"])
    else:
        raise Refused(
            "One of the following params should be provided for this request: "
            "payment_intent or charge."
        )
    return make(world, charge, given, status=world.next_refund.pop() if world.next_refund else None)


@operation("GET", _URL, params.RefundListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """By charge, by payment intent."""
    known = matching(world.all("refund"), asked.params, "charge", "payment_intent")
    return listed(known, asked.params, _URL)


@operation("GET", f"{_URL}/{{id}}", params.RefundRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("refund", asked.ids["id"])


@operation("POST", f"{_URL}/{{id}}", params.RefundUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Only its metadata can change."""
    refund = world.get("refund", asked.ids["id"])
    merge_metadata(refund, asked.params)
    world.emit("refund.updated", refund)
    world.emit("charge.refund.updated", refund)
    return refund


@operation("POST", f"{_URL}/{{id}}/cancel", params.RefundCancelParams)
def cancel(world: World, asked: Asked) -> Thing:
    """No refund of a card waits for its holder, so none can be canceled."""
    refund = world.get("refund", asked.ids["id"])
    raise Refused(
        f"Refund {refund['id']} cannot be canceled: only refunds that require action can be."
    )


def _require_within(charge: Thing, amount: int | None, left: int) -> None:
    if amount is None:
        return
    if amount < 1:
        raise Refused(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount > left:
        what = "charge amount" if left == charge["amount"] else "unrefunded amount on charge"
        asked, rest = worded(amount, charge["currency"]), worded(left, charge["currency"])
        raise Refused(f"Refund amount ({asked}) is greater than {what} ({rest})", param="amount")


def _count(charge: Thing, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
