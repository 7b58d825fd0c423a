"""Money that is to go back: asked for once, whatever becomes of the answer."""

from collections.abc import Mapping
from typing import Any, Final

from billing.payments.gateway.client import Wire, understood
from billing.payments.gateway.reading import micros, moment
from billing.payments.gateway.seen import SeenRefund
from billing.payments.money import stripe_amount

# By which Stripe's refund says which of ours it is, whether its answer reached us or not.
REFUND: Final = "linggan_refund"


def refund(
    wire: Wire, *, payment_id: str, refund_id: str, amount_micros: int, currency: str
) -> SeenRefund:
    """Have so much of a payment paid back; a repeat with the same id pays nothing more.

    Stripe forgets a key after a day, so it is looked up first whether it was done already.

    Args:
        payment_id: a PaymentIntent's.
        refund_id: of our row: it is Stripe's idempotency key, and stands in the metadata.

    Raises:
        StripeAway: nobody knows whether it was done; ask again with the same id.
        StripeRefused: it will not be done.
    """
    refunds = wire.client().v1.refunds
    with understood():
        made = [
            one.to_dict() for one in refunds.list({"payment_intent": payment_id}).auto_paging_iter()
        ]
        ours = [one for one in made if (one.get("metadata") or {}).get(REFUND) == refund_id]
        if ours:
            return _seen(ours[0], refund_id)
        asked = refunds.create(
            {
                "payment_intent": payment_id,
                "amount": stripe_amount(amount_micros, currency),
                "metadata": {REFUND: refund_id},
            },
            {"idempotency_key": refund_id},
        )
        return _seen(asked.to_dict(), refund_id)


def _seen(made: Mapping[str, Any], refund_id: str) -> SeenRefund:
    currency = str(made["currency"]).upper()
    return SeenRefund(
        id=str(made["id"]),
        amount_micros=micros(made["amount"], currency),
        status=str(made.get("status") or "pending"),
        reason=str(made.get("reason") or ""),
        failure=str(made.get("failure_reason") or ""),
        created_at=moment(made["created"]),
        metadata={REFUND: refund_id},
    )
