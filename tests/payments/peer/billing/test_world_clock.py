"""Without a test clock, what recurs happens on the emulator's own clock: so a demo lives."""

from pathlib import Path

from tests.payments.peer.billing.shop import Shop
from tests.stripe_peer.driver import Peer, running

DAY = 86_400


def clockless(shop: Shop) -> str:
    """Return a customer with a good card who is under no test clock."""
    customer = shop.v1.customers.create({"email": "payer@example.com"}).id
    shop.give_card(customer, "tok_visa")
    return customer


def test_a_customer_without_a_clock_renews_as_the_world_goes_on(emulator: Peer) -> None:
    shop = Shop(emulator)
    begun = shop.subscribe(customer=clockless(shop))

    emulator.advance(32 * DAY)

    assert [invoice.status for invoice in shop.invoices(begun)] == ["paid", "paid"]


def test_what_was_begun_renews_after_a_restart(tmp_path: Path) -> None:
    state = str(tmp_path / "stripe.state")
    with running("--state", state) as peer:
        shop = Shop(peer)
        begun = shop.subscribe(customer=clockless(shop))
        shop.switch(begun, shop.large)

    with running("--state", state) as peer:
        peer.advance(32 * DAY)
        invoices = peer.client().v1.invoices.list({"subscription": begun.id}).data

    # two dear periods, without the cheap one that was paid; a second of the first may be gone
    assert [invoice.status for invoice in invoices] == ["paid", "paid"]
    assert abs(invoices[0].amount_paid - (5000 + 5000 - 2000)) <= 1
