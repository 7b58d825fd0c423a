"""Changes a subscription at Stripe: its end, its price, now or when its period ends.

Each says how it shall be, so that a repeat changes nothing; money is asked for with a key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.payments.gateway.client import StripeRefused, Wire, understood
from billing.payments.gateway.contracts import invoice
from billing.payments.gateway.reading import id_of
from billing.payments.gateway.seen import SeenContract, SeenInvoice
from billing.payments.money import stripe_amount

_GONE: Final = "resource_missing"
_WHOLE: Final = 100


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
    with understood():
        if contract.schedule_id:
            wire.client().v1.subscription_schedules.release(contract.schedule_id)
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
        if refusal.code != _GONE:
            raise


def drop_change(wire: Wire, contract: SeenContract) -> None:
    """Nothing changes when the period ends. A repeat changes nothing.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    if contract.schedule_id:
        with understood():
            wire.client().v1.subscription_schedules.release(contract.schedule_id)


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
        present = schedule["phases"][0]
        phases: Any = [
            {
                "items": [
                    {"price": id_of(one["price"]), "quantity": one["quantity"]}
                    for one in present["items"]
                ],
                "start_date": present["start_date"],
                "end_date": int(contract.period_ends_at.timestamp()),
                "proration_behavior": "none",
            },
            {
                "items": [{"price": price_id, "quantity": quantity}],
                "start_date": int(contract.period_ends_at.timestamp()),
                "proration_behavior": "none",
            },
        ]
        schedules.update(
            schedule["id"],
            {"phases": phases, "end_behavior": "release", "proration_behavior": "none"},
        )


def change_now(
    wire: Wire, contract: SeenContract, *, key: str, price_id: str, quantity: int, begins_anew: bool
) -> None:
    """It is of another price from now on; nothing is asked for that, it is paid for already.

    Args:
        key: the same one changes once.
        begins_anew: a new period begins with it, whose first bill is taken off whole.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    params: dict[str, Any] = {
        "items": [{"id": contract.item_id, "price": price_id, "quantity": quantity}],
        "proration_behavior": "none",
        "cancel_at_period_end": False,
    }
    with understood():
        client = wire.client().v1
        if contract.schedule_id:
            client.subscription_schedules.release(contract.schedule_id)
        if begins_anew:
            coupon = client.coupons.create(
                {"percent_off": _WHOLE, "duration": "once", "max_redemptions": 1},
                {"idempotency_key": f"{key}:coupon"},
            )
            params["billing_cycle_anchor"] = "now"
            params["discounts"] = [{"coupon": coupon.id}]
            if contract.trial_ends_at is not None:
                params["trial_end"] = "now"
        client.subscriptions.update(contract.id, params, {"idempotency_key": f"{key}:update"})  # type: ignore[arg-type]  # built above


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


def drop_bill(wire: Wire, invoice_id: str) -> SeenInvoice:
    """Return the bill, which nobody can pay any more; one that was paid stays so.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    seen = invoice(wire, invoice_id)
    if seen.status == "open":
        with understood():
            wire.client().v1.invoices.void_invoice(invoice_id)
        seen = invoice(wire, invoice_id)
    return seen
