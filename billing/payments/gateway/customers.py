"""Customers at Stripe: one is made for each account that pays, and read when it changed."""

from typing import Final

from stripe.params import CustomerCreateParams

from billing.payments.gateway.client import ACCOUNT, Wire, understood
from billing.payments.gateway.reading import words
from billing.payments.gateway.seen import SeenCustomer

_FOUND_MAX: Final = 100


def make_customer(wire: Wire, *, key: str, account_id: str, name: str, clock_id: str = "") -> str:
    """Return the id of the customer of an account, made with the first request of this `key`.

    Args:
        clock_id: the test clock that it lives by at Stripe; "": by none.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        wanted: CustomerCreateParams = {"name": name, "metadata": {ACCOUNT: account_id}}
        if clock_id:
            wanted["test_clock"] = clock_id
        made = wire.client().v1.customers.create(wanted, {"idempotency_key": key})
        return made.id


def find_customer(wire: Wire, *, account_id: str) -> str:
    """Return the id of the customer that an account has had longest; "": it has none.

    Stripe finds one about a minute after it was made, in an outage an hour: who asks at once is
    told of none.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        found = wire.client().v1.customers.search(
            {"query": f'metadata["{ACCOUNT}"]:"{account_id}"', "limit": _FOUND_MAX}
        )
        return min(found.data, key=lambda one: one.created).id if found.data else ""


def customer(wire: Wire, stripe_id: str) -> SeenCustomer:
    """Return a customer as it is now.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        told = wire.client().v1.customers.retrieve(stripe_id).to_dict()
        return SeenCustomer(
            id=str(told["id"]),
            email=str(told.get("email") or ""),
            is_gone=bool(told.get("deleted", False)),
            metadata=words(told.get("metadata")),
        )
