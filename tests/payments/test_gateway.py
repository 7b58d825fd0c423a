"""What was paid is read to the end, or it is said why not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.payments import gateway as gateways
from billing.payments.gateway import StripeAway, Wire, lists
from billing.payments.money import micros_of
from tests.payments.stripe_server import Fault, StripeServer

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = datetime(2026, 11, 30, tzinfo=UTC)
T = int(SINCE.timestamp())


def paid(gateway: Wire) -> list[str]:
    return [one.id for one in lists.payments(gateway, since=SINCE, until=UNTIL)]


def test_all_pages_are_read_and_what_was_not_paid_is_left_out(
    stripe: StripeServer, gateway: Wire, db: None
) -> None:
    for number in range(25):
        stripe.pay(str(number), amount=6600, created=T + number, fact=f"stripe:{number}")
    stripe.pay("open", amount=1, created=T, status="requires_action")
    stripe.pay("old", amount=1, created=T - 1)
    stripe.pay("new", amount=1, created=int(UNTIL.timestamp()) + 1)
    stripe.page_max = 10

    found = lists.payments(gateway, since=SINCE, until=UNTIL)

    assert [one.fact for one in found] == [f"stripe:{number}" for number in reversed(range(25))]
    assert (found[0].amount_micros, found[0].currency) == (66_000_000, "CNY")
    assert len(stripe.asked) == 3


def test_a_payment_counts_from_when_the_money_came(
    stripe: StripeServer, gateway: Wire, db: None
) -> None:
    stripe.pay("late", amount=1, created=T, paid=T + 5000)

    [found] = lists.payments(gateway, since=SINCE, until=UNTIL)

    assert found.paid_at.timestamp() == T + 5000


def test_a_refund_names_the_fact_of_its_payment(
    stripe: StripeServer, gateway: Wire, db: None
) -> None:
    payment = stripe.pay("one", amount=6600, created=T - 9_000_000, fact="stripe:one")
    stripe.refund(payment, amount=600, created=T)
    stripe.refund(payment, amount=600, created=T, status="failed")

    [found] = lists.refunds(gateway, since=SINCE, until=UNTIL)

    assert (found.fact, found.payment_id, found.amount_micros) == (
        *("stripe:one", "pi_one", 6_000_000),
    )


def test_what_comes_in_between_the_pages_moves_none(
    stripe: StripeServer, gateway: Wire, db: None
) -> None:
    for number in range(9):
        stripe.pay(str(number), amount=1, created=T + number)
    stripe.page_max = 3
    later = iter(range(100))

    def another() -> None:
        stripe.pay(f"more_{next(later)}", amount=1, created=T + 500)

    stripe.between = another

    assert paid(gateway) == [f"pi_{number}" for number in reversed(range(9))]


def test_an_object_on_two_pages_comes_once(stripe: StripeServer, gateway: Wire, db: None) -> None:
    for number in range(6):
        stripe.pay(str(number), amount=1, created=T + number)
    stripe.page_max = 3

    def again() -> None:
        stripe.rows["payment_intents"].insert(0, stripe.rows["payment_intents"][4])

    stripe.between = again

    assert sorted(paid(gateway)) == [f"pi_{number}" for number in range(6)]


def test_a_cursor_that_has_gone_ends_the_reading(
    stripe: StripeServer, gateway: Wire, db: None
) -> None:
    for number in range(6):
        stripe.pay(str(number), amount=1, created=T + number)
    stripe.page_max = 3
    stripe.between = stripe.rows["payment_intents"].clear

    with pytest.raises(StripeAway, match="refuses a page"):
        paid(gateway)


def test_a_fault_that_passes_is_waited_for(stripe: StripeServer, gateway: Wire, db: None) -> None:
    stripe.pay("one", amount=1, created=T)
    stripe.faults = [Fault(500)]

    assert paid(gateway) == ["pi_one"]


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ([Fault(500), Fault(500)], "APIError"),
        ([Fault(429, kind="invalid_request_error")], "slow down"),
        ([Fault(hang=5), Fault(hang=5)], "does not answer"),
        ([Fault(200)], "answers with|does not"),
    ],
    ids=["500", "429", "hang", "nonsense"],
)
def test_a_fault_that_stays_is_named(
    stripe: StripeServer, gateway: Wire, db: None, faults: list[Fault], says: str
) -> None:
    stripe.faults = faults

    with pytest.raises(StripeAway, match=says):
        paid(gateway)


def test_a_wrong_key_is_named(stripe: StripeServer, gateway: Wire, db: None) -> None:
    with pytest.raises(StripeAway, match="STRIPE_SECRET_KEY"):
        paid(replace(gateway, secret_key="sk_test_other"))


def test_a_server_that_is_not_there_is_named(gateway: Wire, db: None) -> None:
    with pytest.raises(StripeAway, match="does not answer"):
        paid(replace(gateway, api_base="http://127.0.0.1:9", retries=0))


@pytest.mark.django_db(transaction=True)
def test_nothing_is_asked_inside_a_transaction(stripe: StripeServer, gateway: Wire) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="outside any transaction"):
        paid(gateway)

    assert stripe.asked == []


def test_without_a_key_there_is_no_way(settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""
    assert gateways.configured() is None

    settings.STRIPE_SECRET_KEY = "sk_test_1"
    assert gateways.configured() == Wire("sk_test_1", "https://api.stripe.com")


@pytest.mark.parametrize(
    ("amount", "currency", "micros"),
    [
        (6600, "CNY", 66_000_000),
        (1, "USD", 10_000),
        (500, "JPY", 500_000_000),
        (5120, "KWD", 5_120_000),
        (500, "ISK", 5_000_000),
    ],
)
def test_money_is_counted_by_its_currency(amount: int, currency: str, micros: int) -> None:
    assert micros_of(amount, currency) == micros


def test_the_key_is_in_no_traceback() -> None:
    assert "sk_live_1" not in repr(Wire("sk_live_1", "https://api.stripe.com"))
