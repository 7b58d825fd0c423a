"""Where an account lives by a test clock, Stripe's time goes along with its own, and only then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.notices.models import Notice
from billing.payments import services as payments
from billing.payments.errors.clocks import CustomerHasNoClock
from billing.payments.gateway import clocks as gateway_clocks
from billing.payments.gateway import customers as gateway_customers
from billing.payments.models import Checkout, Contract, Purchase
from billing.payments.services import applying
from billing.sandbox import services as sandbox
from billing.subscriptions import selectors
from plans.credits import MICROS
from tests import factories
from tests.payments.clocks_at_stripe import (
    CLOCK,
    DAY,
    MONTH,
    ada,
    advances,
    near,
    nobody_is_rung,
    open_page,
    shown_at_stripe,
    state,
    subscribe,
    till,
    wish,
)
from tests.payments.dying import death_at, dies, dies_after
from tests.payments.till import Till
from tests.sandbox.conftest import advance, clock_of
from tests.stripe_peer.driver import DECLINED_LATER

__all__ = ["ada", "nobody_is_rung", "till"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_is_rung")]


# -- who has a clock at Stripe -----------------------------------------------------------------
def test_who_lives_by_no_clock_has_none_at_stripe(till: Till, ada: Account) -> None:
    open_page(wish(ada))

    assert CLOCK not in till.peer.objects()
    assert till.peer.objects()["customer"][0]["test_clock"] is None


def test_a_customer_of_one_who_does_is_made_under_a_clock_that_shows_the_same(
    till: Till, ada: Account
) -> None:
    shows = factories.later(ada, timedelta(days=1400))  # Stripe's are moved by two years at once
    clock_of(ada)

    open_page(wish(ada))

    [made] = till.peer.objects()[CLOCK]
    assert near(datetime.fromtimestamp(made["frozen_time"] + 1, UTC), shows)
    assert made["name"] == "ada"
    assert till.peer.objects()["customer"][0]["test_clock"] == made["id"]


def test_whom_stripe_knows_already_is_refused_a_clock(till: Till, ada: Account) -> None:
    clock = clock_of()
    open_page(wish(ada))
    before = state(ada)

    with pytest.raises(CustomerHasNoClock), transaction.atomic():
        sandbox.create(owner=None, name="", accounts=[ada], now=datetime.now(UTC))
    with pytest.raises(CustomerHasNoClock), transaction.atomic():
        sandbox.join(clock=clock, accounts=[ada], now=datetime.now(UTC))

    assert state(ada) == before
    assert CLOCK not in till.peer.objects()


def test_one_who_goes_from_clock_to_clock_keeps_his_clock_at_stripe(
    till: Till, ada: Account
) -> None:
    first = clock_of(ada)
    open_page(wish(ada))
    sandbox.retire(clock=first, now=datetime.now(UTC))

    goal = advance(clock_of(ada), DAY)

    assert len(till.peer.objects()[CLOCK]) == 1
    assert near(shown_at_stripe(till, ada) + timedelta(seconds=1), goal)


@pytest.mark.parametrize(
    ("place", "name", "how"),
    [
        (gateway_clocks, "make_clock", dies),
        (gateway_clocks, "make_clock", dies_after),
        (gateway_clocks, "advance_clock", dies),
        (gateway_clocks, "advance_clock", dies_after),
        (gateway_customers, "make_customer", dies),
        (gateway_customers, "make_customer", dies_after),
    ],
)
def test_a_death_on_the_way_leaves_one_clock_and_one_customer(
    till: Till,
    ada: Account,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,  # noqa: ANN401 (a module)
    name: str,
    how: Any,  # noqa: ANN401 (as it dies)
) -> None:
    clock = clock_of(ada)
    asked = wish(ada)
    with death_at(place, name, how, monkeypatch):
        open_page(asked)
    goal = advance(clock, DAY)  # whoever repeats it comes later

    page = open_page(asked)

    [made] = till.peer.objects()[CLOCK]
    [customer] = till.peer.objects()["customer"]
    assert page.state == Checkout.State.OPEN
    assert customer["test_clock"] == made["id"]
    assert near(shown_at_stripe(till, ada) + timedelta(seconds=1), goal)


# -- time goes on ------------------------------------------------------------------------------
def test_a_move_brings_each_month_when_stripe_has_collected_it(till: Till, ada: Account) -> None:
    clock = clock_of(ada)
    begun = subscribe(till, ada)

    goal = advance(clock, 3 * MONTH)

    bills = Purchase.objects.order_by("paid_at")
    assert [one.amount_micros for one in bills] == [10 * MICROS] * 4
    came = Grant.objects.filter(series__startswith="small.monthly").order_by("effective_at")
    for grant, bill in zip(list(came)[1:], list(bills)[1:], strict=True):
        assert bill.period_starts_at is not None
        assert near(grant.effective_at, bill.period_starts_at + timedelta(hours=1, minutes=1))
    assert factories.free_micros(ada) == 101 * MICROS
    begun.refresh_from_db()
    assert begun.paid_until == Contract.objects.get().period_ends_at
    assert near(shown_at_stripe(till, ada) + timedelta(seconds=1), goal)
    till.settle()  # whatever Stripe has to tell of it changes nothing more
    assert Purchase.objects.count() == 4


def test_stripe_is_asked_on_the_way_only_where_it_acts(till: Till, ada: Account) -> None:
    clock = clock_of(ada)
    subscribe(till, ada)
    before, moves = len(till.peer.requests()), advances(till)

    advance(clock, 20 * DAY)

    # Where it arrives: the clock, what is kept, and what time may change of that.
    assert advances(till) - moves == 1
    assert len(till.peer.requests()) - before < 12
    assert Grant.objects.filter(series__startswith="daily").count() >= 20  # days, with a stop each


def test_what_time_cannot_change_is_not_looked_at_again(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = clock_of(ada)
    subscribe(till, ada)
    advance(clock, 2 * MONTH)
    looked: list[str] = []
    look = applying.look

    def watched(**named: Any) -> None:  # noqa: ANN401 (of `look`)
        looked.append(named["kind"])
        look(**named)

    monkeypatch.setattr(applying, "look", watched)
    advance(clock, DAY)

    assert looked == ["subscription"]  # and of its three bills none


def test_accounts_of_one_clock_have_each_their_own_at_stripe(till: Till, ada: Account) -> None:
    bob = factories.new_account("bob")
    clock = clock_of(ada, bob)
    subscribe(till, ada)
    advance(clock, 10 * DAY)
    subscribe(till, bob)

    goal = advance(clock, MONTH + DAY)

    assert len(till.peer.objects()[CLOCK]) == 2
    for one in (ada, bob):
        assert near(shown_at_stripe(till, one) + timedelta(seconds=1), goal)
        assert Purchase.objects.filter(account=one).count() == 2
        assert factories.free_micros(one) == 101 * MICROS
    assert Contract.objects.values("anchor_at").distinct().count() == 2


def test_who_lives_by_no_clock_is_left_alone_at_stripe(till: Till, ada: Account) -> None:
    bob = factories.new_account("bob")
    clock = clock_of(ada)
    for one in (ada, bob):
        subscribe(till, one)

    advance(clock, 2 * MONTH)

    assert Purchase.objects.filter(account=ada).count() == 3
    assert Purchase.objects.filter(account=bob).count() == 1


def test_what_nobody_pays_lapses_at_the_end_of_its_grace_on_the_clock(
    till: Till, ada: Account
) -> None:
    clock = clock_of(ada)
    begun = subscribe(till, ada, DECLINED_LATER)
    assert begun.paid_until is not None

    advance(clock, MONTH + 20 * DAY)

    begun.refresh_from_db()
    assert begun.ended_at is not None
    assert near(begun.ended_at, begun.paid_until + 7 * DAY)
    assert selectors.open_of(ada) is None
    assert factories.free_micros(ada) == 1 * MICROS  # the free plan's, of today


def test_letters_about_what_comes_are_written_on_the_way_and_once(till: Till, ada: Account) -> None:
    clock = clock_of(ada)
    begun = subscribe(till, ada, DECLINED_LATER)
    advance(clock, MONTH + 20 * DAY)
    assert begun.paid_until is not None

    [letter] = Notice.objects.filter(kind="grace_ends_soon")
    assert letter.facts["ends_at"]["at"][:10] == f"{begun.paid_until + 7 * DAY:%Y-%m-%d}"
    before = Notice.objects.count()
    payments.remind(now=datetime.now(UTC))
    advance(clock, DAY)
    assert Notice.objects.count() == before


def test_a_sweep_writes_by_the_accounts_clock_and_not_by_the_real_one(
    till: Till, ada: Account
) -> None:
    clock = clock_of(ada)
    subscribe(till, ada)
    contract = Contract.objects.get()
    payments.end_contract(contract_id=contract.pk, at_once=False, now=datetime.now(UTC))
    advance(clock, 29 * DAY)  # it ends in a day or two

    payments.remind(now=datetime.now(UTC))

    about_ends = Notice.objects.filter(kind__in=["subscription_canceled", "subscription_ending"])
    assert list(about_ends.values_list("kind", flat=True)) == ["subscription_ending"]
