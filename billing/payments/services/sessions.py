"""Pages of Checkout, as they were seen."""

from datetime import datetime
from typing import Final

from billing.packs.services import Paid
from billing.payments.gateway import CHECKOUT
from billing.payments.gateway.seen import SeenPayment, SeenSession
from billing.payments.models import Checkout, Customer
from billing.payments.services import pages, purchases
from billing.transactions import require_transaction

State = Checkout.State
_SETTLED: Final = frozenset({"paid", "no_payment_required"})
_GONE_WRONG: Final = frozenset({"requires_payment_method", "canceled"})


def apply(seen: SeenSession, payment: SeenPayment | None, *, now: datetime) -> None:
    """Let a checkout be as its page was seen. What was paid on it is applied beside this.

    In the caller's transaction; a repeat changes nothing, and a page that is none of ours is left
    alone.

    Args:
        payment: what pays a pack, seen at the same time; None: nothing does yet.
        now: the real instant.
    """
    require_transaction("payments.sessions.apply")
    checkout = Checkout.objects.select_for_update().filter(pk=seen.metadata.get(CHECKOUT)).first()
    if checkout is None:
        return
    if not checkout.stripe_id:  # whoever opened it died before he could write this down
        pages.note_page(checkout, seen)
    if seen.email:
        Customer.objects.filter(account=checkout.account_id, email="").update(email=seen.email)
    state = _state_of(seen, payment)
    if state == State.COMPLETED and checkout.kind == Checkout.Kind.PACK and not seen.payment_id:
        _give_for_nothing(checkout, seen, now=now)
    pages.end(checkout, state, now=now)


def _state_of(seen: SeenSession, payment: SeenPayment | None) -> str:
    """Return what a page says of its checkout.

    A page is complete when its buyer has done what he could; a wallet's money may come, or fail to,
    long after that.
    """
    if seen.status == "expired":
        return State.EXPIRED
    if seen.status != "complete":
        return State.OPEN
    if seen.payment_status in _SETTLED:
        return State.COMPLETED
    failed = payment is not None and payment.status in _GONE_WRONG
    return State.FAILED if failed else State.OPEN


def _give_for_nothing(checkout: Checkout, seen: SeenSession, *, now: datetime) -> None:
    """A code took the whole price off: there is no payment, and the pack is given all the same."""
    purchases.hand_over(
        purchases.sale_of(checkout), stripe_id=seen.id, paid=Paid(0, checkout.currency), paid_at=now
    )
