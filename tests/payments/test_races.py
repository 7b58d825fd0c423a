"""Several at once: one customer, one page, one purchase."""

from datetime import UTC, datetime
from threading import Barrier, BrokenBarrierError
from typing import Any, Final

import pytest

from billing.accounts.models import Account
from billing.payments import services
from billing.payments.gateway import customers as gateway_customers
from billing.payments.models import Customer, Purchase, StripeEvent
from billing.payments.services import applying
from tests import factories
from tests.http.racing import at_once
from tests.payments import till as tills
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import Peer

pytestmark = pytest.mark.django_db(transaction=True)
MANY: Final = 6


@pytest.fixture
def till(transactional_db: None, peer: Peer) -> Till:
    """A shop whose rows are committed, so that several can race for them."""
    tills.open_till()
    return Till(peer)


@pytest.fixture
def ada(till: Till) -> Account:
    return factories.new_account("ada", is_sandbox=False)


def now() -> datetime:
    return datetime.now(UTC)


def test_an_account_has_one_customer_however_many_ask_at_once(till: Till, ada: Account) -> None:
    results = at_once(
        MANY, lambda _place: services.ensure_customer(ada, language="", now=now()).stripe_id
    )

    [customer] = till.peer.objects()["customer"]
    assert results == [customer["id"]] * MANY
    assert Customer.objects.get().stripe_id == customer["id"]


def test_control_with_keys_of_their_own_two_customers_are_made(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that they do ask at once, and that the key of the request is what makes them one."""
    make, both = gateway_customers.make_customer, Barrier(2)
    keys = iter("ab")

    def make_anew(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 (as the original)
        try:
            both.wait(timeout=20)
        except BrokenBarrierError:
            pytest.fail("they did not both ask: nothing raced")
        return make(*arguments, **{**named, "key": next(keys)})

    monkeypatch.setattr(gateway_customers, "make_customer", make_anew)

    at_once(2, lambda _place: services.ensure_customer(ada, language="", now=now()))

    assert len(till.peer.objects()["customer"]) == 2


def test_one_key_at_once_opens_one_page(till: Till, ada: Account) -> None:
    answers = at_once(
        MANY, lambda _place: till.ask({"pack": "plain", "success_url": BACK}, key="once")
    )

    statuses = {getattr(answer, "status_code", answer) for answer in answers}
    assert statuses <= {201, 409, 503}
    assert len(till.peer.objects().get("checkout.session", [])) == 1


def test_one_payment_that_is_looked_at_by_many_is_given_once(till: Till, ada: Account) -> None:
    checkout = till.buy()
    payment = till.session_of(checkout)["payment_intent"]
    kinds = [("checkout.session", checkout.stripe_id), ("payment_intent", payment)]

    results = at_once(
        MANY,
        lambda place: services.look(
            kind=kinds[place % 2][0], stripe_id=kinds[place % 2][1], now=now()
        ),
    )

    assert results == [None] * MANY
    assert Purchase.objects.count() == 1
    assert till.read("/v1/balance").json()["available"] == "105"


def test_one_event_at_once_is_kept_once(till: Till, ada: Account) -> None:
    till.buy()
    [event] = till.events("payment_intent.succeeded")

    assert at_once(MANY, lambda _place: till.tell(event)) == [200] * MANY

    assert StripeEvent.objects.count() == 1
    assert till.work() == []
    assert Purchase.objects.count() == 1


def test_even_without_tickets_two_looks_give_once(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that looks do race for one payment, and that its fact is the second wall."""
    checkout = till.buy()
    payment = till.session_of(checkout)["payment_intent"]
    both = Barrier(2)

    def unlocked(tickets: dict[str, int], **_now: datetime) -> set[str]:
        try:
            both.wait(timeout=20)
        except BrokenBarrierError:
            pytest.fail("they did not both look: nothing raced")
        return set(tickets)

    monkeypatch.setattr(applying, "_newest", unlocked)

    at_once(2, lambda _place: services.look(kind="payment_intent", stripe_id=payment, now=now()))

    assert Purchase.objects.count() == 1
    assert till.read("/v1/balance").json()["available"] == "105"
