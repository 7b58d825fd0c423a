"""Changes a subscription at Stripe: its end, its price, now or when its period ends.

Each says how it shall be, so that a repeat changes nothing; money is asked for with a key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stripe.params import SubscriptionUpdateParams

from billing.payments.gateway.client import CHANGE, StripeRefused, Wire, understood
from billing.payments.gateway.contracts import invoice
from billing.payments.gateway.reading import id_of, words
from billing.payments.gateway.seen import SeenContract, SeenInvoice
from billing.payments.money import stripe_amount

_WHOLE: Final = 100
_PAGE: Final = 100  # the most that Stripe gives at once
_PAID: Final = "paid"
_TRIALING: Final = "trialing"
_WAITING: Final = frozenset({"not_started", "active"})
# A draft has no page, and this kind of it is never finalized by itself.
_PAYABLE: Final = frozenset({"open", "uncollectible"})


@dataclass(frozen=True, slots=True)
class Bill:
    """What is asked for once, beside the periods of a subscription.

    Attributes:
        key: with which it is asked for; the same one asks once.
        text: what its payer reads.
    """

    key: str
    customer_id: str
    contract_id: str
    currency: str
    amount_micros: int
    text: str
    metadata: Mapping[str, str]


def end_at_period_end(wire: Wire, contract: SeenContract, *, ends: bool) -> None:
    """It ends when its period does; or goes on after all. A change that waited is given up.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    drop_change(wire, contract)
    with understood():
        wire.client().v1.subscriptions.update(contract.id, {"cancel_at_period_end": ends})


def end_now(wire: Wire, contract_id: str) -> None:
    """It has ended. A repeat changes nothing.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    try:
        with understood():
            wire.client().v1.subscriptions.cancel(
                contract_id, {"prorate": False, "invoice_now": False}
            )
    except StripeRefused as refusal:
        if not refusal.is_missing:
            raise


def drop_change(wire: Wire, contract: SeenContract) -> None:
    """Nothing changes when the period ends. A repeat changes nothing, whoever was faster.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    if not contract.schedule_id:
        return
    try:
        with understood():
            wire.client().v1.subscription_schedules.release(contract.schedule_id)
    except StripeRefused as refusal:
        if not refusal.is_missing and _waits(wire, contract.schedule_id):
            raise


def change_at_period_end(
    wire: Wire, contract: SeenContract, *, price_id: str, quantity: int
) -> None:
    """From the next period on it is of another price; the one under way stays as it is.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        schedules = wire.client().v1.subscription_schedules
        schedule = (
            schedules.retrieve(contract.schedule_id)
            if contract.schedule_id
            else schedules.create({"from_subscription": contract.id})
        ).to_dict()
        ends_at = int(contract.period_ends_at.timestamp())
        phases: Any = [
            _as_it_is(schedule["phases"][0], ends_at=ends_at),
            {
                "items": [{"price": price_id, "quantity": quantity}],
                "start_date": ends_at,
                "proration_behavior": "none",
            },
        ]
        schedules.update(
            schedule["id"],
            {"phases": phases, "end_behavior": "release", "proration_behavior": "none"},
        )


def renew_at(wire: Wire, contract: SeenContract, *, price_id: str) -> None:
    """Each later period is of another price of the same plan; the one under way stays paid.

    A repeat changes nothing.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        wire.client().v1.subscriptions.update(
            contract.id,
            {
                "items": [{"id": contract.item_id, "price": price_id, "quantity": contract.seats}],
                "proration_behavior": "none",
            },
        )


def change_now(
    wire: Wire, contract: SeenContract, *, key: str, price_id: str, quantity: int, begins_anew: bool
) -> None:
    """It is of another price from now on; nothing is asked for that, it is paid for already.

    Args:
        key: the same one changes once.
        begins_anew: a new period begins with it, of whose first bill the plan's price is taken
            off whole; what else is taken off its bills goes on being so.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    params: SubscriptionUpdateParams = {
        "items": [{"id": contract.item_id, "price": price_id, "quantity": quantity}],
        "proration_behavior": "none",
        "cancel_at_period_end": False,
    }
    drop_change(wire, contract)
    with understood():
        client = wire.client().v1
        if begins_anew:
            coupon = client.coupons.create(
                {"percent_off": _WHOLE, "duration": "once", "max_redemptions": 1},
                {"idempotency_key": f"{key}:coupon"},
            )
            params["billing_cycle_anchor"] = {"type": "now"}
            kept: list[Any] = [{"discount": one} for one in contract.discount_ids]
            params["discounts"] = [*kept, {"coupon": coupon.id}]
            if contract.status == _TRIALING:
                params["trial_end"] = "now"
        client.subscriptions.update(contract.id, params, {"idempotency_key": f"{key}:update"})


def ask_for(wire: Wire, bill: Bill) -> SeenInvoice:
    """Return a bill that asks for it, ready to be paid.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        client = wire.client().v1
        made = client.invoices.create(
            {
                "customer": bill.customer_id,
                "subscription": bill.contract_id,
                "currency": bill.currency.lower(),
                "auto_advance": False,
                "pending_invoice_items_behavior": "exclude",
                "metadata": dict(bill.metadata),
            },
            {"idempotency_key": f"{bill.key}:bill"},
        )
        client.invoice_items.create(
            {
                "customer": bill.customer_id,
                "invoice": made.id,
                "amount": stripe_amount(bill.amount_micros, bill.currency),
                "currency": bill.currency.lower(),
                "description": bill.text,
                "metadata": dict(bill.metadata),
            },
            {"idempotency_key": f"{bill.key}:line"},
        )
        client.invoices.finalize_invoice(
            made.id, {"auto_advance": False}, {"idempotency_key": f"{bill.key}:final"}
        )
    return invoice(wire, made.id)


def collect(wire: Wire, bill: SeenInvoice, *, key: str) -> SeenInvoice:
    """Return the bill, paid by the way to pay that its customer has left.

    Raises:
        Declined: the bank said no, or wants to see him first; the bill is open.
        StripeAway, StripeRefused: as they say.
    """
    if bill.status == "open":
        with understood():
            wire.client().v1.invoices.pay(
                bill.id, {"off_session": False}, {"idempotency_key": f"{key}:pay"}
            )
    return invoice(wire, bill.id)


def find_bill(wire: Wire, bill: Bill) -> SeenInvoice | None:
    """Return the bill that asks for it, where the key with which it was made is forgotten.

    Of several the paid one, else the newest; None: there is none.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        page = wire.client().v1.invoices.list(
            {"customer": bill.customer_id, "subscription": bill.contract_id, "limit": _PAGE}
        )
        made = [one for one in page.auto_paging_iter() if _is_for(one.to_dict(), bill)]
        first = next((one for one in made if one.status == _PAID), None) or next(iter(made), None)
        return None if first is None else invoice(wire, str(first.id))


def drop_bill(wire: Wire, invoice_id: str) -> SeenInvoice:
    """Return the bill, which nobody can pay any more; one that was paid stays so.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    seen = invoice(wire, invoice_id)
    if seen.status in _PAYABLE:
        with understood():
            wire.client().v1.invoices.void_invoice(invoice_id)
        seen = invoice(wire, invoice_id)
    return seen


def _as_it_is(phase: Mapping[str, Any], *, ends_at: int) -> dict[str, Any]:
    """Return the phase under way as it is asked for again; what is left out it would lose."""
    same = {
        "items": [
            {"price": id_of(one["price"]), "quantity": one["quantity"]} for one in phase["items"]
        ],
        "start_date": phase["start_date"],
        "end_date": ends_at,
        "proration_behavior": "none",
    }
    discounts = [
        {name: id_of(value) for name, value in one.items() if value}
        for one in phase.get("discounts") or ()
    ]
    if discounts:
        same["discounts"] = discounts
    if phase.get("trial_end"):
        same["trial_end"] = phase["trial_end"]
    return same


def _waits(wire: Wire, schedule_id: str) -> bool:
    """Say whether a schedule changes anything any more."""
    with understood():
        found = wire.client().v1.subscription_schedules.retrieve(schedule_id)
        return found.status in _WAITING


def _is_for(told: Mapping[str, Any], bill: Bill) -> bool:
    return words(told.get("metadata")).get(CHANGE) == bill.key
