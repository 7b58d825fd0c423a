"""Two who approve at once, a refund beside a dispute, and an order beside a refund."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger.errors import InDebt, InsufficientCredits
from billing.payments.errors.refunds import RefundTooLarge
from billing.payments.models import Purchase, Taking
from billing.payments.services import offering
from plans.credits import MICROS
from tests import factories
from tests.http.racing import at_once
from tests.payments import back
from tests.payments.back import PAID
from tests.rules.unchecked import uncheck

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(transactional_db: None) -> Account:
    """Ada has nothing but what she will buy."""
    back.open_shop()
    return factories.new_account("ada")


def two_thirds_twice(account: Account) -> tuple[Purchase, list[str]]:
    """Return a purchase, and two requests of which only one can be."""
    purchase = back.buy(account)
    for name in ("hedy", "rosa"):
        back.operator(name, "approve_refund")
    return purchase, [back.ask(purchase, PAID // 3 * 2) for _time in range(2)]


def approvals(asked: list[str]) -> Callable[[int], None]:
    return lambda number: back.approve(asked[number], by=("hedy", "rosa")[number])


def test_of_two_approvals_at_once_only_what_was_paid_goes_back(ada: Account) -> None:
    purchase, asked = two_thirds_twice(ada)

    results = at_once(2, approvals(asked))

    assert sum(isinstance(one, RefundTooLarge) for one in results) == 1
    purchase.refresh_from_db()
    assert (purchase.refunded_micros, back.standing(ada)) == (PAID // 3 * 2, (40, 0))


def test_control_without_the_check_the_database_refuses_the_second(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase, asked = two_thirds_twice(ada)
    uncheck(monkeypatch, offering, "offer")

    results = at_once(2, approvals(asked))

    assert sum(isinstance(one, IntegrityError) for one in results) == 1
    purchase.refresh_from_db()
    assert (purchase.refunded_micros, back.standing(ada)) == (PAID // 3 * 2, (40, 0))


def test_one_request_is_approved_once_whoever_clicks(ada: Account) -> None:
    purchase = back.buy(ada)
    back.operator("hedy", "approve_refund")
    asked = back.ask(purchase, PAID // 3)

    at_once(4, lambda _number: back.approve(asked))

    assert Taking.objects.count() == 1
    assert back.standing(ada) == (80, 0)


def test_a_refund_and_a_dispute_at_once_take_what_both_are_of(ada: Account) -> None:
    seen = back.payment(ada)
    purchase = back.look(seen)
    back.operator("hedy", "approve_refund")
    asked = back.ask(purchase, PAID // 3)

    def either(number: int) -> None:
        if number:
            back.look(seen, disputes=[back.dispute(PAID // 3)])
        else:
            back.approve(asked)

    at_once(2, either)  # whoever comes second is refused, or takes the rest: never the same twice

    purchase.refresh_from_db()
    gone = purchase.refunded_micros + purchase.disputed_micros
    assert purchase.taken_micros == 120 * MICROS * gone // PAID
    assert back.standing(ada)[0] == 120 - purchase.taken_micros // MICROS
    assert not list(audit.breaches())


def test_orders_beside_a_refund_never_spend_what_was_taken(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)

    def either(number: int) -> object:
        if not number:
            return back.look(seen, [back.refund(PAID)])
        return factories.hold(ada, 40)

    results = at_once(5, either)

    held = sum(not isinstance(one, Exception) for one in results[1:]) * 40
    assert all(
        isinstance(one, InDebt | InsufficientCredits)
        for one in results[1:]
        if isinstance(one, Exception)
    )
    assert back.standing(ada) == (0, held)
    assert not list(audit.breaches())


def test_two_looks_at_once_take_once(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)

    results = at_once(4, lambda _number: back.look(seen, [back.refund(PAID // 3)]))

    assert any(isinstance(one, Purchase) for one in results)
    assert Taking.objects.count() == 1
    assert back.standing(ada) == (80, 0)
    with transaction.atomic():
        back.look(seen, [back.refund(PAID // 3)])
    assert back.standing(ada) == (80, 0)
