"""A process that dies between any two steps leaves one page, one customer, one purchase."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from billing.accounts.models import Account
from billing.payments.gateway import customers as gateway_customers
from billing.payments.gateway import sessions as gateway_sessions
from billing.payments.models import Checkout, Customer, Purchase, StripeEvent
from billing.payments.services import applying, checking_out, customers, hearing, purchases, syncing
from tests.payments.dying import death_at, dies, dies_after
from tests.payments.till import BACK, Till

pytestmark = pytest.mark.django_db
DAY_SECONDS: Final = 86_400
PACK: Final = {"pack": "plain", "success_url": BACK}


@pytest.mark.parametrize(
    ("place", "name", "how"),
    [
        (customers, "_row", dies),
        (customers, "_row", dies_after),
        (gateway_customers, "make_customer", dies),
        (gateway_customers, "make_customer", dies_after),
        (syncing, "price_for", dies_after),
        (gateway_sessions, "open_session", dies),
        (gateway_sessions, "open_session", dies_after),
        (checking_out, "_write_down", dies),
        (checking_out, "_write_down", dies_after),
    ],
)
def test_a_death_between_the_intent_and_the_answer_leaves_one_page(
    till: Till,
    ada: Account,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,  # noqa: ANN401 (a module)
    name: str,
    how: Callable[..., Any],
) -> None:
    with death_at(place, name, how, monkeypatch):
        till.ask(PACK, key="once")
    assert Checkout.objects.get().state in {"asked", "open"}

    answer = till.ask(PACK, key="once")

    checkout = Checkout.objects.get()
    made = till.peer.objects()
    assert (answer.status_code, answer.json()["url"]) == (201, checkout.url)
    assert [one["id"] for one in made["checkout.session"]] == [checkout.stripe_id]
    assert [one["id"] for one in made["customer"]] == [Customer.objects.get().stripe_id]


def test_who_comes_back_after_stripe_has_forgotten_his_key_has_one_customer_all_the_same(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with death_at(gateway_customers, "make_customer", dies_after, monkeypatch):
        customers.ensure_customer(ada, language="", now=datetime.now(UTC))
    till.peer.advance(2 * DAY_SECONDS)

    back_at = datetime.now(UTC) + timedelta(days=2)
    row = customers.ensure_customer(ada, language="", now=back_at)

    [made] = till.peer.objects()["customer"]
    assert row.stripe_id == made["id"]


@pytest.mark.parametrize(
    ("place", "name", "how"),
    [
        (applying, "_take_ticket", dies_after),
        (applying, "_apply", dies),
        (applying, "_apply", dies_after),
        (purchases, "record", dies),
        (purchases, "record", dies_after),
        (purchases, "hand_over", dies_after),
        (applying, "look", dies_after),
    ],
)
def test_a_worker_that_dies_anywhere_gives_once(
    till: Till,
    ada: Account,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,  # noqa: ANN401 (a module)
    name: str,
    how: Callable[..., Any],
) -> None:
    till.buy()
    [event] = till.events("checkout.session.completed")
    till.tell(event)
    with death_at(place, name, how, monkeypatch):
        hearing.apply(event_id=event["id"], now=datetime.now(UTC))
    assert StripeEvent.objects.get().applied_at is None

    assert till.work() == []

    assert Purchase.objects.count() == 1
    assert till.read("/v1/balance").json()["available"] == "105"


def test_a_page_of_which_its_opener_died_is_known_by_what_is_told(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with death_at(checking_out, "_write_down", dies, monkeypatch):
        till.ask(PACK)
    [page] = till.peer.objects()["checkout.session"]
    till.peer.pay(page["url"])

    till.settle()

    checkout = Checkout.objects.get()
    assert (checkout.state, checkout.stripe_id) == ("completed", page["id"])
    assert Purchase.objects.count() == 1
