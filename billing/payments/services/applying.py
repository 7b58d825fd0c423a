"""Looks at Stripe, and applies what it sees: the only way by which its word changes anything.

An event, a sweep and a person only say where to look. What is seen there, and what it belongs to,
is applied in one commit. Two looks at once are told apart by their tickets: a look takes one,
committed, before it asks, so what a later ticket saw is at least as new as any event before it; an
earlier one that comes after it changes nothing.

Lock order: looks by their object, then checkouts and contracts, the wallet, purchases, grants.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from django.db import transaction

from billing.payments import selectors
from billing.payments.errors import PaymentsNotConfigured
from billing.payments.gateway import Wire, configured, contracts, customers, payments, sessions
from billing.payments.gateway.seen import (
    SeenContract,
    SeenCustomer,
    SeenInvoice,
    SeenPayment,
    SeenSession,
)
from billing.payments.models import Look
from billing.payments.services import contracts as contract_services
from billing.payments.services import customers as customer_services
from billing.payments.services import invoices as invoice_services
from billing.payments.services import purchases
from billing.payments.services import sessions as session_services
from billing.transactions import forbid_transaction

Seen = SeenSession | SeenContract | SeenInvoice | SeenPayment | SeenCustomer
# By the word that Stripe has for the kind of an object, how it is asked for.
_ASKED_BY: Final[Mapping[str, Callable[[Wire, str], Seen]]] = {
    "checkout.session": sessions.session,
    "customer": customers.customer,
    "invoice": contracts.invoice,
    "payment_intent": payments.payment,
    "subscription": contracts.contract,
}
KINDS: Final = frozenset(_ASKED_BY)
_Kind = TypeVar("_Kind", bound=Seen)


def look(*, kind: str, stripe_id: str, now: datetime) -> None:
    """What we know of an object of Stripe's, and of what it belongs to, is as new as this call.

    A repeat changes nothing. Outside any transaction.

    Args:
        kind: one of `KINDS`: Stripe's word for what it is.
        now: the real instant.

    Raises:
        PaymentsNotConfigured: there is no Stripe to ask.
        StripeAway: it gave no answer; nothing has changed.
        StripeRefused: it has no such object for us.
        DomainError: what was paid for cannot be given now; nothing has changed.
    """
    forbid_transaction("payments.look")
    wire = configured()
    if wire is None:
        raise PaymentsNotConfigured
    sight = _Sight(wire)
    sight.ask(kind, stripe_id)
    sight.ask_who_pays()
    sight.note_cards(now=now)
    _apply(sight.seen, sight.tickets, now=now)


@dataclass
class _Sight:
    """What was seen with one look: an object, and what it hangs together with."""

    wire: Wire
    seen: dict[str, Seen] = field(default_factory=dict)
    tickets: dict[str, int] = field(default_factory=dict)

    def ask(self, kind: str, stripe_id: str) -> None:
        if not stripe_id or stripe_id in self.tickets:
            return
        self.tickets[stripe_id] = _take_ticket(stripe_id)
        self.seen[stripe_id] = found = _ASKED_BY[kind](self.wire, stripe_id)
        match found:
            case SeenSession():
                self.ask("payment_intent", found.payment_id)
                self.ask("subscription", found.contract_id)
            case SeenContract():
                self.ask("invoice", found.latest_invoice_id)
            case SeenInvoice():
                self.ask("subscription", found.contract_id)
                self.ask("payment_intent", found.payment_id)
            case SeenPayment():
                self.ask("invoice", found.invoice_id)

    def ask_who_pays(self) -> None:
        """Ask for customers whose address we do not know: a letter may be due with this look."""
        unknown = selectors.without_address(one.customer_id for one in self.seen.values())
        for stripe_id in unknown:
            self.ask("customer", stripe_id)

    def note_cards(self, *, now: datetime) -> None:
        """Know who pays by his cards, before a trial is given: one person has one."""
        for one in self.seen.values():
            match one:
                case SeenContract(card=str(card)) if card:
                    customer_services.note_card(one.customer_id, card, now=now)
                case SeenPayment(card=str(card), paid_at=datetime()) if card:
                    customer_services.note_card(one.customer_id, card, now=now)


@transaction.atomic(durable=True)
def _take_ticket(stripe_id: str) -> int:
    Look.objects.bulk_create([Look(object_id=stripe_id)], ignore_conflicts=True)
    one = Look.objects.select_for_update().get(pk=stripe_id)
    one.asked += 1
    one.save(update_fields=["asked"])
    return one.asked


@transaction.atomic(durable=True)
def _apply(seen: Mapping[str, Seen], tickets: Mapping[str, int], *, now: datetime) -> None:
    """Apply what no later look has seen; what others stand on comes first."""
    newest = _newest(tickets, now=now)
    fresh = {stripe_id: one for stripe_id, one in seen.items() if stripe_id in newest}
    for customer in _all(fresh, SeenCustomer):
        customer_services.apply(customer)
    for session in _all(fresh, SeenSession):
        session_services.apply(session, _payment_of(seen, session.payment_id), now=now)
    for contract in _all(fresh, SeenContract):
        latest = fresh.get(contract.latest_invoice_id)
        assert latest is None or isinstance(latest, SeenInvoice), "the id is a bill's"
        contract_services.apply(contract, latest, now=now)
    for invoice in sorted(_all(fresh, SeenInvoice), key=lambda one: one.created_at):
        invoice_services.apply(invoice, _payment_of(seen, invoice.payment_id), now=now)
    for payment in _all(fresh, SeenPayment):
        purchases.apply(payment, now=now)


def _payment_of(seen: Mapping[str, Seen], payment_id: str) -> SeenPayment | None:
    """Return what a payment was seen to be: true of its page and bill, though looked at since."""
    payment = seen.get(payment_id)
    assert payment is None or isinstance(payment, SeenPayment), "the id is a payment's"
    return payment


def _newest(tickets: Mapping[str, int], *, now: datetime) -> set[str]:
    """Return of which objects no later look was applied, and note that this one is."""
    locked = Look.objects.select_for_update().filter(pk__in=tickets).order_by("pk")
    newest = [one for one in locked if one.applied < tickets[one.object_id]]
    for one in newest:
        one.applied = tickets[one.object_id]
        one.applied_at = now
    Look.objects.bulk_update(newest, ["applied", "applied_at"])
    return {one.object_id for one in newest}


def _all(seen: Mapping[str, Seen], kind: type[_Kind]) -> list[_Kind]:
    return [one for one in seen.values() if isinstance(one, kind)]
