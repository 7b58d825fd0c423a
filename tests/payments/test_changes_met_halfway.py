"""What befalls a change of plan between its asking and its end: a pause, an end, a bill, a refund.

What was paid for it is given once or goes back, and never both.
"""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from billing.ledger.services import Actor
from billing.organizations import services as organizations
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments import services
from billing.payments.gateway import StripeRefused
from billing.payments.gateway import changes as gateway
from billing.payments.models import PlanChange, Purchase
from billing.payments.services import ChangeWish, Wish, applying, fulfilling, settling
from plans.credits import MICROS
from tests import factories
from tests.payments import back, plans_till
from tests.payments.dying import dies, dies_after
from tests.payments.plans_till import Desk
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import CHALLENGED, GOOD, Peer

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BY_DIFFERENCE = pytest.mark.parametrize("desk", ["difference"], indirect=True)


@pytest.fixture
def desk(db: None, peer: Peer, request: pytest.FixtureRequest) -> Desk:
    """Ada, who can live ahead of time, at a shop where a new plan replaces the old one."""
    plans_till.open_plans(getattr(request, "param", "replace"))
    return Desk(Till(peer, is_sandbox=True), factories.new_account("ada"))


def refuse(*_asked: object, **_named: object) -> None:
    """Do what Stripe does that does not do it."""
    raise StripeRefused("It does not do this.", code="parameter_invalid")


def ask_and_be_challenged(desk: Desk) -> str:
    """Ask for the change; return the page on which its bill is paid."""
    desk.subscribe(number=CHALLENGED)
    answer = desk.ask()
    assert (answer.status_code, answer.json()["status"]) == (201, "billed"), answer.content
    return str(answer.json()["payment_action_url"])


def pay(desk: Desk, page: str) -> None:
    """Pay a bill on its page, with a card whose bank asks for nothing."""
    assert desk.till.peer.pay(page, GOOD).status == 303


def pause(desk: Desk) -> None:
    """Have an operator let Stripe collect no more."""
    desk.till.peer.client().v1.subscriptions.update(
        desk.contract.stripe_id, {"pause_collection": {"behavior": "void"}}
    )


# -- a pause, an end -------------------------------------------------------------------------------
def test_what_is_paid_for_a_new_period_that_is_paused_meanwhile_goes_back(desk: Desk) -> None:
    """Stripe would void the bill with which the period begins: it would never come."""
    page = ask_and_be_challenged(desk)
    pause(desk)
    pay(desk, page)

    desk.hear()

    assert (desk.change.state, desk.change.failure) == ("failed", "plan_is_paused")
    assert desk.refunds() == [("plan_is_paused", "succeeded")]
    assert (desk.subscription.plan, desk.free, desk.held) == ("small", 100, 0)
    assert desk.price_at_stripe() == 10
    assert desk.is_clean()


def test_a_new_period_that_ended_before_it_was_seen_is_given_and_not_paid_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    desk.die_at(gateway, "change_now", dies_after, monkeypatch)
    desk.pass_time(DAY)
    desk.till.peer.client().v1.subscriptions.cancel(desk.contract.stripe_id)

    desk.sweep()
    desk.hear()

    assert (desk.change.state, desk.change.failure) == ("applied", "")
    assert (desk.refunds(), desk.held) == ([], 0)
    assert desk.money() == [("plan", 10, 100, 0), ("change", 30, 450, 0)]
    assert desk.is_clean()


def test_a_plan_ends_though_stripe_refuses_the_change_that_was_just_paid(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ask_and_be_challenged(desk)
    pay(desk, page)
    monkeypatch.setattr(gateway, "change_now", refuse)

    answer = desk.ask("cancel")

    assert answer.status_code == 201, answer.content
    assert desk.at_stripe()["cancel_at_period_end"]
    desk.hear()
    assert (desk.change.state, desk.refunds()) == ("failed", [("parameter_invalid", "succeeded")])
    assert (desk.subscription.plan, desk.free, desk.held) == ("small", 100, 0)


# -- money back ------------------------------------------------------------------------------------
@pytest.mark.parametrize(("cents", "free"), [(1000, 450), (500, 525)], ids=["all", "half"])
def test_what_was_refunded_while_its_worth_was_taken_off_is_not_in_the_new_plan(
    desk: Desk, cents: int, free: int
) -> None:
    """Of the price of 40 the first payment of 10 is a quarter, so of the 600 credits 150."""
    page = ask_and_be_challenged(desk)
    first = Purchase.objects.get()
    client = desk.till.peer.client().v1
    client.refunds.create({"payment_intent": first.stripe_id, "amount": cents})
    desk.hear()
    pay(desk, page)

    desk.hear()
    settling.settle_partly_back(now=timezone.now())

    assert (desk.change.state, desk.subscription.plan) == ("applied", "large")
    assert desk.money() == [("plan", 10, 250, cents // 100), ("change", 30, 450, 0)]
    assert (desk.held, *back.standing(desk.account)) == (0, free, 0)
    assert desk.is_clean()


def test_half_the_money_back_while_a_change_waits_that_is_not_made_leaves_half_the_credits(
    desk: Desk,
) -> None:
    ask_and_be_challenged(desk)
    first = Purchase.objects.get()
    client = desk.till.peer.client().v1
    client.refunds.create({"payment_intent": first.stripe_id, "amount": 500})
    desk.hear()

    desk.sweep(after=DAY)

    assert (desk.change.state, desk.change.failure) == ("failed", "not_paid")
    assert (desk.held, *back.standing(desk.account)) == (0, 50, 0)
    assert desk.is_clean()


# -- the bill of its period, and what was agreed with Stripe ------------------------------------
def test_a_new_period_begins_whatever_else_its_first_bill_asks_for(desk: Desk) -> None:
    """Such as what an operator has put on the next bill by hand."""
    desk.subscribe()
    client = desk.till.peer.client().v1
    client.invoice_items.create(
        {
            "customer": desk.account.customer.stripe_id,
            "subscription": desk.contract.stripe_id,
            "amount": 700,
            "currency": "usd",
            "discountable": False,
        }
    )

    answer = desk.ask()
    desk.hear()
    desk.sweep()

    assert (desk.change.state, desk.change.failure) == ("applied", "")
    assert (answer.status_code, answer.json()["status"]) == (201, "applied"), answer.content
    assert (desk.subscription.plan, desk.free, desk.held) == ("large", 600, 0)
    assert desk.is_clean()


def test_a_look_at_the_bill_of_a_change_that_is_paid_tells_nobody_to_go_on_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever goes on with it looks at its bill: what cannot end would be gone on with for ever."""
    desk.subscribe()
    desk.die_at(fulfilling, "end", dies, monkeypatch)
    assert desk.change.state == "paid"
    Message.objects.all().delete()

    applying.look(kind="invoice", stripe_id=desk.change.invoice_id, now=timezone.now())

    assert not Message.objects.filter(task=TaskName.CARRY_OUT_CHANGE).exists()
    desk.sweep()
    assert (desk.change.state, desk.held, desk.free) == ("applied", 0, 600)


def test_a_discount_for_ever_outlives_a_change_into_a_new_period(desk: Desk) -> None:
    desk.subscribe()
    client = desk.till.peer.client().v1
    coupon = client.coupons.create({"percent_off": 50, "duration": "forever"})
    client.subscriptions.update(desk.contract.stripe_id, {"discounts": [{"coupon": coupon.id}]})

    assert desk.ask().json()["status"] == "applied"
    desk.pass_time(32 * DAY)
    desk.hear()

    assert [amount for kind, amount, *_more in desk.money() if kind == "plan"] == [10, 20]


# -- seats -----------------------------------------------------------------------------------------
@pytest.fixture
def theirs(desk: Desk) -> Desk:
    """Ada's team, which pays for three seats by the year."""
    now, actor = timezone.now(), Actor("user", desk.account.pk)
    with transaction.atomic():
        team = organizations.found(owner=desk.account, name="Team", actor=actor, now=now).account
        wish = Wish(plan="team", interval="P1Y", success_url=BACK)
        asked = services.ask(account=team, wish=wish, now=now)
    desk.till.peer.pay(services.open_page(checkout_id=asked.pk, now=now).url)
    desk.till.settle()
    return Desk(desk.till, team)


def change_seats(theirs: Desk, seats: int) -> PlanChange:
    """Pay for so many seats from now on."""
    now = timezone.now()
    with transaction.atomic():
        wish = ChangeWish(plan="team", interval="P1Y", seats=seats)
        change = services.ask_change(account=theirs.account, wish=wish, agreed_micros=None, now=now)
    return services.carry_out(change_id=change.pk, now=now)


@BY_DIFFERENCE
def test_seats_that_were_paid_for_last_as_long_though_stripe_goes_on_with_fewer(
    theirs: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as refusing:
        refusing.setattr(gateway, "change_now", refuse)
        assert change_seats(theirs, 5).state == "applied"

    theirs.hear()

    assert theirs.bills() == [("paid", 100)]
    assert theirs.subscription.seats == 5
    theirs.pass_time(32 * DAY)
    assert theirs.grants()[-1][0] == 250
    again = change_seats(theirs, 5)
    assert (again.state, again.due_micros, theirs.subscription.seats) == ("applied", 0, 5)
    assert theirs.at_stripe()["items"]["data"][0]["quantity"] == 5
    assert theirs.is_clean()


@BY_DIFFERENCE
def test_seats_that_stripe_never_collected_for_end_with_the_period(
    theirs: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as refusing:
        refusing.setattr(gateway, "change_now", refuse)
        assert change_seats(theirs, 5).state == "applied"
    theirs.hear()

    theirs.pass_time(367 * DAY)
    theirs.hear()

    assert theirs.subscription.seats == 3
    assert theirs.money()[-1][:2] == ("plan", 150)
    assert theirs.grants()[-1][0] == 150
    assert theirs.is_clean()


@BY_DIFFERENCE
def test_more_seats_cost_their_own_price_after_others_were_added_at_stripe(theirs: Desk) -> None:
    client = theirs.till.peer.client().v1
    [item] = theirs.at_stripe()["items"]["data"]
    client.subscription_items.update(item["id"], {"quantity": 5, "proration_behavior": "none"})
    theirs.hear()
    assert theirs.subscription.seats == 5

    change = change_seats(theirs, 6)

    assert 49 * MICROS <= change.due_micros <= 50 * MICROS
    assert theirs.contract.renewal_micros == 300 * MICROS
