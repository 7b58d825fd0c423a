"""A process that dies between any two steps leaves one page, one customer, one purchase."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from billing.accounts.models import Account
from billing.payments.gateway import customers as gateway_customers
from billing.payments.gateway import sessions as gateway_sessions
from billing.payments.models import Checkout, Customer, Purchase, StripeEvent
from billing.payments.services import applying, checking_out, customers, hearing, purchases, syncing
from tests.payments.till import BACK, Till

pytestmark = pytest.mark.django_db
PACK: Final = {"pack": "plain", "success_url": BACK}


class Died(BaseException):
    """The process is gone: nothing of ours catches it."""


def dies(*_arguments: Any, **_named: Any) -> None:  # noqa: ANN401 (whatever is asked)
    raise Died


def dies_after(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return what does its act, and dies before it can tell."""

    def done_and_dead(*arguments: Any, **named: Any) -> None:  # noqa: ANN401 (as above)
        act(*arguments, **named)
        raise Died

    return done_and_dead


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
    deadly = dies if how is dies else dies_after(getattr(place, name))
    with monkeypatch.context() as dying:
        dying.setattr(place, name, deadly)
        with pytest.raises(Died):
            till.ask(PACK, key="once")
    assert Checkout.objects.get().state in {"asked", "open"}

    answer = till.ask(PACK, key="once")

    checkout = Checkout.objects.get()
    made = till.peer.objects()
    assert (answer.status_code, answer.json()["url"]) == (201, checkout.url)
    assert [one["id"] for one in made["checkout.session"]] == [checkout.stripe_id]
    assert [one["id"] for one in made["customer"]] == [Customer.objects.get().stripe_id]


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
    deadly = dies if how is dies else dies_after(getattr(place, name))
    with monkeypatch.context() as dying:
        dying.setattr(place, name, deadly)
        with pytest.raises(Died):
            hearing.apply(event_id=event["id"], now=datetime.now(UTC))
    assert StripeEvent.objects.get().applied_at is None

    assert till.work() == []

    assert Purchase.objects.count() == 1
    assert till.read("/v1/balance").json()["available"] == "105"


def test_a_page_of_which_its_opener_died_is_known_by_what_is_told(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(checking_out, "_write_down", dies)
        with pytest.raises(Died):
            till.ask(PACK)
    [page] = till.peer.objects()["checkout.session"]
    till.peer.pay(page["url"])

    till.settle()

    checkout = Checkout.objects.get()
    assert (checkout.state, checkout.stripe_id) == ("completed", page["id"])
    assert Purchase.objects.count() == 1
