"""What Stripe says of its objects, as far as we use it: read once, checked, and of our types.

Amounts are in millionths of the currency's unit, instants in UTC; an id is "" where there is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event: what it is about; what it says of that is not used."""

    id: str
    type: str
    object_type: str
    object_id: str
    is_live: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SeenPrice:
    """A price that is in force.

    Attributes:
        months, days: so long is what it pays for; neither: it is paid once.
    """

    id: str
    lookup_key: str
    product_id: str
    currency: str
    amount_micros: int
    months: int
    days: int


@dataclass(frozen=True, slots=True)
class SeenCustomer:
    """A customer.

    Attributes:
        is_gone: it was deleted at Stripe.
    """

    id: str
    email: str
    is_gone: bool
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def customer_id(self) -> str:
        """Return whose it is, as of all else that is seen: its own."""
        return self.id


@dataclass(frozen=True, slots=True)
class SeenSession:
    """A Checkout Session.

    Attributes:
        status: open, complete or expired.
        payment_status: paid, unpaid or no_payment_required.
        payment_id: of the payment of a pack.
        contract_id: of the subscription of a plan.
    """

    id: str
    url: str
    status: str
    payment_status: str
    customer_id: str
    payment_id: str
    contract_id: str
    email: str
    expires_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """Money on its way back: pending, requires_action, succeeded, failed or canceled."""

    id: str
    amount_micros: int
    status: str
    reason: str
    failure: str
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenDispute:
    """A dispute, by Stripe's word for how it stands."""

    id: str
    amount_micros: int
    status: str
    reason: str
    evidence_due_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SeenPayment:
    """A PaymentIntent with all that went back of it.

    Attributes:
        status: succeeded, processing, requires_action, requires_payment_method, canceled, …
        paid_at: when its charge succeeded; None: it has not.
        invoice_id: the bill that it pays; "": none.
        card: the fingerprint of the card, as Stripe seals it; never a number.
        declined: Stripe's word for why it failed last.
        refunds, disputes: all of them, the oldest first.
    """

    id: str
    customer_id: str
    invoice_id: str
    status: str
    currency: str
    amount_micros: int
    received_micros: int
    created_at: datetime
    paid_at: datetime | None
    card: str
    declined: str
    refunds: tuple[SeenRefund, ...] = ()
    disputes: tuple[SeenDispute, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def wants_its_payer(self) -> bool:
        """Say whether the bank wants to see its customer (3-D Secure) before it pays."""
        return self.status == "requires_action" or (
            self.status == "requires_payment_method" and self.declined == "authentication_required"
        )


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A line of a bill; `is_of_the_plan` is the subscription's own price, not an extra.

    Attributes:
        amount_micros: before discounts.
        off_micros: what discounts take off it.
    """

    lookup_key: str
    quantity: int
    amount_micros: int
    is_of_the_plan: bool
    period_starts_at: datetime
    period_ends_at: datetime
    off_micros: int = 0


@dataclass(frozen=True, slots=True)
class SeenInvoice:
    """A bill.

    Attributes:
        status: draft, open, paid, void or uncollectible.
        reason: Stripe's billing_reason: subscription_create, subscription_cycle, …
        payment_id: the payment that paid it; "" where nothing had to be paid.
        page_url, pdf_url: where its buyer sees it, and pays it if it is open.
    """

    id: str
    number: str
    customer_id: str
    contract_id: str
    status: str
    reason: str
    currency: str
    amount_micros: int
    paid_micros: int
    payment_id: str
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    paid_at: datetime | None
    page_url: str
    pdf_url: str
    lines: tuple[SeenLine, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenContract:
    """A subscription of Stripe's.

    Attributes:
        lookup_key, seats, price_id: of its one item.
        anchor_at: from which its periods are drawn.
        latest_invoice_id: its newest bill.
        schedule_id: of the changes that wait for the end of a period.
        changes_to: the lookup key from `changes_at` on; "": it stays what it is.
        card: the fingerprint of the card that it is paid with, as Stripe seals it.
        discount_ids: what is taken off its bills, for ever or for a while.
    """

    id: str
    item_id: str
    customer_id: str
    status: str
    lookup_key: str
    seats: int
    currency: str
    anchor_at: datetime
    started_at: datetime
    period_starts_at: datetime
    period_ends_at: datetime
    trial_ends_at: datetime | None
    cancel_at: datetime | None
    ended_at: datetime | None
    is_paused: bool
    latest_invoice_id: str
    schedule_id: str
    changes_to: str = ""
    changes_at: datetime | None = None
    price_id: str = ""
    card: str = ""
    discount_ids: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
