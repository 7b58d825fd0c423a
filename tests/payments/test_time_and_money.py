"""Paid time ends with its money, and comes again; a year that went back in part is gone on with."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from django.db import transaction
from django.utils import timezone

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.models import Checkout, Contract, Purchase
from billing.payments.services import contracts, returning, settling
from billing.subscriptions import selectors, services
from billing.subscriptions.models import PaidPeriod, Subscription
from plans.credits import MICROS
from tests import factories
from tests.payments import back
from tests.payments.contracts import a_checkout, here, pay, seen_contract
from tests.subscriptions.paid import nth

pytestmark = pytest.mark.django_db
PRICE: Final = 66 * MICROS
WINDOW: Final = 660
MONTH: Final = timedelta(days=31)
DAY: Final = timedelta(days=1)


@pytest.fixture
def ada(db: None) -> Account:
    """Ada is about to buy a plan of 660 credits a month."""
    back.open_shop()
    return factories.new_account("ada")


def a_month(account: Account) -> tuple[Checkout, datetime, Purchase]:
    """Return a month that was paid for: its page, its begin, its money."""
    checkout, anchor = a_checkout(account), here(account)
    return checkout, anchor, pay(checkout, anchor, 0)


def a_year(account: Account) -> Purchase:
    """Return the money of a year with credits each month."""
    return pay(a_checkout(account, interval="P1Y"), here(account), 0)


def stands(purchase: Purchase, *refunds: tuple[int, str], dispute: str = "") -> Purchase:
    """Let refunds of a payment, and a dispute of all of it, be seen so."""
    seen = replace(
        back.payment(purchase.account, paid_micros=PRICE), id=purchase.stripe_id, metadata={}
    )
    told = [
        back.refund(micros, status, key=f"re_{purchase.pk}_{number}")
        for number, (micros, status) in enumerate(refunds)
    ]
    return back.look(
        seen, told, [back.dispute(PRICE, dispute, key=f"dp_{purchase.pk}")] if dispute else ()
    )


def paid_until(account: Account) -> datetime | None:
    """Return until when the account has paid."""
    found = selectors.open_of(account)
    return found.paid_until if found is not None else None


@transaction.atomic
def lapse(account: Account) -> None:
    """Let what nobody has paid for end, as the sweep does."""
    services.lapse(
        factories.lock(account), Subscription.objects.get(account=account, ended_at=None)
    )


def test_time_stays_while_the_money_is_only_on_its_way_back(ada: Account) -> None:
    _checkout, anchor, purchase = a_month(ada)

    stands(purchase, (PRICE, "pending"))

    assert back.standing(ada) == (0, 0)  # so that nobody spends what he is paid back for
    assert paid_until(ada) == nth(anchor, "P1M", 0).ends_at

    stands(purchase, (PRICE, "succeeded"))

    assert paid_until(ada) == anchor


def test_time_comes_again_with_a_refund_that_failed(ada: Account) -> None:
    _checkout, anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))

    purchase = stands(purchase, (PRICE, "failed"))

    assert purchase.taken_micros == 0
    assert paid_until(ada) == nth(anchor, "P1M", 0).ends_at
    assert not PaidPeriod.objects.exclude(taken_back_at=None).exists()
    assert back.standing(ada) == (WINDOW, 0)


def test_time_comes_again_with_a_lost_dispute_that_is_reinstated(ada: Account) -> None:
    _checkout, anchor, purchase = a_month(ada)

    stands(purchase, dispute="lost")
    assert paid_until(ada) == anchor

    stands(purchase, dispute="won")
    assert paid_until(ada) == nth(anchor, "P1M", 0).ends_at


def test_what_lapsed_for_it_is_taken_up_again_and_brings_nothing_twice(ada: Account) -> None:
    _checkout, anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))
    lapse(ada)
    former = Subscription.objects.get(account=ada)

    stands(purchase, (PRICE, "failed"))

    again = selectors.open_of(ada)
    assert again is not None
    assert (again.plan, again.paid_until) == (former.plan, nth(anchor, "P1M", 0).ends_at)
    assert Contract.objects.get().subscription_id == again.pk
    assert back.standing(ada) == (WINDOW, 0)
    windows = Grant.objects.filter(wallet__account=ada, fact__startswith="allowance:standard")
    assert windows.count() == 1

    stands(purchase, (PRICE, "failed"))

    assert Subscription.objects.filter(account=ada).count() == 2


def test_what_was_taken_up_again_is_renewed_and_paid_back_as_before(ada: Account) -> None:
    checkout, anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))
    lapse(ada)
    stands(purchase, (PRICE, "failed"))
    first = nth(anchor, "P1M", 0)
    factories.later(ada, first.ends_at - first.starts_at)

    later = pay(checkout, anchor, 1)

    assert Subscription.objects.filter(account=ada).count() == 2
    assert later.credited_micros == WINDOW * MICROS
    assert paid_until(ada) == nth(anchor, "P1M", 1).ends_at


def test_nothing_is_taken_up_again_whose_contract_has_ended(ada: Account) -> None:
    _checkout, _anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))
    lapse(ada)
    Contract.objects.update(ended_at=timezone.now())

    stands(purchase, (PRICE, "failed"))

    assert selectors.open_of(ada) is None


def test_windows_that_began_while_the_time_was_unpaid_come_with_it(ada: Account) -> None:
    purchase = a_year(ada)
    stands(purchase, (PRICE, "succeeded"))
    factories.later(ada, MONTH)
    assert back.standing(ada) == (0, 0)

    stands(purchase, (PRICE, "failed"))

    assert back.standing(ada)[0] in {WINDOW, 2 * WINDOW}  # the first month's may be over
    windows = Grant.objects.filter(wallet__account=ada, fact__startswith="allowance:standard")
    assert windows.count() == 2
    factories.later(ada, MONTH)
    factories.settle(ada)
    assert windows.count() == 3


def test_a_year_that_went_back_in_part_is_gone_on_with_month_by_month(ada: Account) -> None:
    purchase = a_year(ada)
    purchase = stands(purchase, (PRICE // 2, "succeeded"))
    assert purchase.taken_micros == WINDOW * MICROS // 2

    factories.later(ada, MONTH)
    factories.settle(ada)
    assert settling.settle_partly_back(now=timezone.now()) == 1

    purchase.refresh_from_db()
    assert purchase.taken_micros == WINDOW * MICROS
    assert settling.settle_partly_back(now=timezone.now()) == 0  # until another month begins


@pytest.mark.parametrize("away", [timedelta(0), DAY])
def test_what_came_until_a_period_was_over_is_taken_though_nobody_looked_in_it(
    ada: Account, away: timedelta
) -> None:
    """A sandbox's clock leaps over the end; or the sweep was away when the last month came."""
    purchase = stands(a_year(ada), (PRICE // 2, "succeeded"))
    assert purchase.period_ends_at is not None
    factories.later(ada, 11 * MONTH + 5 * DAY)
    factories.settle(ada)
    back.spend(ada, WINDOW)
    factories.later(ada, MONTH)

    now = purchase.period_ends_at + away if away else timezone.now()
    assert settling.settle_partly_back(now=now) == 1

    purchase.refresh_from_db()
    assert purchase.taken_micros == 2 * WINDOW * MICROS // 2  # nobody saw the months between
    assert back.standing(ada) == (0, WINDOW // 2)


def test_nobody_is_settled_whose_money_stayed_or_whose_time_is_over(ada: Account) -> None:
    purchase = a_year(ada)
    factories.later(ada, MONTH)
    factories.settle(ada)

    assert settling.settle_partly_back(now=timezone.now()) == 0

    stands(purchase, (PRICE // 2, "succeeded"))
    factories.later(ada, MONTH)
    factories.settle(ada)

    assert settling.settle_partly_back(now=timezone.now() + 380 * DAY) == 0


def test_one_that_fails_keeps_no_other_waiting(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = factories.new_account("bob")
    bought = [stands(a_year(one), (PRICE // 2, "succeeded")) for one in (ada, bob)]
    for one in (ada, bob):
        factories.later(one, MONTH)
        factories.settle(one)
    whole = returning.settle

    def stumble(locked: object, purchase: Purchase, **facts: object) -> None:
        if purchase.pk == bought[0].pk:
            raise RuntimeError("stumbled")
        whole(locked, purchase, **facts)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(returning, "settle", stumble)

    assert settling.settle_partly_back(now=timezone.now()) == 1

    assert [Purchase.objects.get(pk=one.pk).taken_micros // MICROS for one in bought] == [
        WINDOW // 2,
        WINDOW,
    ]


def test_a_year_loses_the_same_however_often_somebody_looked(ada: Account) -> None:
    bob = factories.new_account("bob")
    seldom, often = (stands(a_year(one), (PRICE // 3, "succeeded")) for one in (ada, bob))
    for _month in range(3):
        for one in (ada, bob):
            factories.later(one, MONTH)
            factories.settle(one)
        for _look in range(2):
            stands(often, (PRICE // 3, "succeeded"))
        settling.settle_partly_back(now=timezone.now())

    seldom.refresh_from_db()
    often.refresh_from_db()
    assert seldom.taken_micros == often.taken_micros == 4 * WINDOW * MICROS // 3
    assert back.standing(ada) == back.standing(bob) == (2 * WINDOW // 3, 0)


def test_whose_money_went_back_has_no_days_of_grace_but_the_free_plan(ada: Account) -> None:
    _checkout, anchor, purchase = a_month(ada)
    begun = Subscription.objects.get(account=ada)
    assert list(selectors.overdue()) == []

    stands(purchase, (PRICE, "succeeded"))

    [over] = selectors.overdue()
    assert (over.pk, selectors.access_until(over)) == (begun.pk, anchor)


def test_what_is_taken_up_again_stands_as_its_contract_does(ada: Account) -> None:
    checkout, anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))
    lapse(ada)
    paused = seen_contract(checkout, anchor, is_paused=True)
    with transaction.atomic():
        contracts.apply(paused, None, now=timezone.now())

    stands(purchase, (PRICE, "failed"))

    again = selectors.open_of(ada)
    assert again is not None
    assert again.paused_at is not None
    assert selectors.access_until(again) == nth(anchor, "P1M", 0).ends_at


def test_rewards_for_a_plan_stay_while_money_of_it_is_only_disputed(ada: Account) -> None:
    checkout, anchor, first = a_month(ada)
    second = pay(checkout, anchor, 1)
    posted = Message.objects.filter(task=TaskName.TAKE_BACK_REWARDS)

    stands(second, dispute="needs_response")
    stands(first, (PRICE, "succeeded"))
    assert not posted.exists()

    stands(second, dispute="lost")
    assert posted.get().arguments == {"purchase_id": second.subscription_id}
