"""Plans are changed at once: by a difference, or into a new period; money first, then Stripe."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from billing.ledger.models import Hold
from billing.ledger.services import Actor
from billing.organizations import services as organizations
from billing.payments import services
from billing.payments.models import Customer, PlanChange, Purchase
from billing.payments.services import ChangeWish, Wish
from plans.credits import MICROS
from tests import factories
from tests.payments import plans_till
from tests.payments.plans_till import Desk
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import Peer

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def desk(db: None, peer: Peer, request: pytest.FixtureRequest) -> Desk:
    """Ada, who can live ahead of time, at a shop of the policy that the test names."""
    plans_till.open_plans(getattr(request, "param", "difference"))
    return Desk(Till(peer, is_sandbox=True), factories.new_account("ada"))


@pytest.mark.parametrize("desk", ["replace"], indirect=True)
def test_what_is_replaced_is_held_while_it_is_paid_and_gone_once_the_new_plan_is_here(
    desk: Desk,
) -> None:
    before = desk.subscribe()

    answer = desk.ask()

    assert answer.status_code == 201, answer.content
    assert (answer.json()["status"], answer.json()["due"]["amount"]) == ("applied", "30.00")
    change, now_on = desk.change, desk.subscription
    assert change.hold is not None
    assert (change.hold.state, change.hold.amount_micros // 10**6) == (Hold.State.RELEASED, 100)
    assert desk.grants() == [(100, 0, 100), (600, 600, 0)]
    assert (now_on.plan, now_on.pk) == ("large", change.subscription_id)
    assert now_on.pk != before.pk
    # Of the price of 40 it has paid 30, so of the 600 credits 450 are its own.
    assert desk.money() == [("plan", 10, 100, 0), ("change", 30, 450, 0)]
    assert (desk.price_at_stripe(), desk.contract.plan) == (40, "large")
    desk.hear()
    assert (desk.free, desk.held) == (600, 0)
    assert desk.money() == [("plan", 10, 100, 0), ("change", 30, 450, 0)]
    assert desk.is_clean()


@pytest.mark.parametrize("desk", ["add"], indirect=True)
def test_what_is_added_to_stays_and_is_paid_in_full(desk: Desk) -> None:
    desk.subscribe()

    answer = desk.ask()

    assert (answer.json()["status"], answer.json()["due"]["amount"]) == ("applied", "40.00")
    assert desk.change.hold is None
    assert desk.grants() == [(100, 100, 0), (600, 600, 0)]
    assert desk.money() == [("plan", 10, 100, 0), ("change", 40, 600, 0)]
    desk.hear()
    assert desk.free == 700
    assert desk.is_clean()


@pytest.mark.parametrize("desk", ["replace"], indirect=True)
def test_what_is_replaced_a_second_time_is_worth_what_was_paid_for_it(desk: Desk) -> None:
    """A year that replaces a month that replaced a month: nothing of the money is lost."""
    desk.subscribe()
    desk.ask()

    answer = desk.ask(interval="P1Y")

    assert (answer.json()["status"], answer.json()["due"]["amount"]) == ("applied", "360.00")
    assert desk.grants() == [(100, 0, 100), (600, 0, 600), (600, 600, 0)]
    assert sum(paid for _kind, paid, _credited, _back in desk.money()) == 400
    assert desk.is_clean()


def test_a_difference_goes_on_in_the_period_that_is_paid_for(desk: Desk) -> None:
    before = desk.subscribe()

    answer = desk.ask()

    assert answer.json()["status"] == "applied"
    now_on, change = desk.subscription, desk.change
    assert (now_on.plan, now_on.paid_until) == ("large", before.paid_until)
    assert (change.held_window_micros // 10**6, change.window_micros // 10**6) == (100, 600)
    assert change.paid_until == before.paid_until
    paid = Purchase.objects.get(kind="change")
    assert paid.period_ends_at == before.paid_until
    assert paid.period_starts_at is not None
    assert paid.period_starts_at >= now_on.started_at
    desk.hear()
    assert 598 <= desk.free <= 600
    assert desk.is_clean()


def test_a_difference_of_a_year_brings_its_windows_as_they_come(desk: Desk) -> None:
    desk.subscribe(interval="P1Y")
    desk.pass_time(33 * DAY)

    answer = desk.ask(interval="P1Y")

    assert answer.json()["status"] == "applied"
    assert 265 <= float(answer.json()["due"]["amount"]) <= 275  # of 300, a month has passed
    given = desk.free
    desk.pass_time(31 * DAY)
    assert desk.subscription.plan == "large"
    assert desk.grants()[-1][0] == 600
    assert given < desk.free + 600
    assert desk.is_clean()


def test_a_month_is_renewed_as_what_it_was_changed_to(desk: Desk) -> None:
    desk.subscribe()
    desk.ask()

    desk.pass_time(32 * DAY)
    desk.hear()

    assert desk.subscription.plan == "large"
    assert desk.grants()[-1] == (600, 600, 0)
    assert desk.money()[-1][:2] == ("plan", 40)
    assert desk.is_clean()


def test_its_bill_names_both_plans_in_the_language_of_its_payer(desk: Desk) -> None:
    desk.subscribe()
    Customer.objects.update(language="zh-hans")

    desk.ask()

    [bill] = [
        one
        for one in desk.till.peer.objects()["invoice"]
        if one["metadata"].get("linggan_change") == desk.change.pk
    ]
    [line] = bill["lines"]["data"]
    assert "小套餐" in line["description"]
    assert "大套餐" in line["description"]


def test_a_preview_names_both_plans_as_people_call_them(desk: Desk) -> None:
    desk.subscribe()

    [line] = desk.ask("preview").json()["lines"]

    assert "Large one" in line["label"]
    assert "Small one" in line["label"]


@pytest.mark.parametrize("desk", ["replace"], indirect=True)
def test_who_owes_has_nothing_to_trade_in(desk: Desk) -> None:
    desk.subscribe()
    factories.owe(desk.account, 5)

    answer = desk.ask()

    assert (answer.status_code, answer.json()["code"]) == (402, "in_debt")
    assert not PlanChange.objects.exists()
    assert desk.bills() == []
    assert desk.is_clean()


def test_what_waits_for_the_end_of_the_period_is_sold_as_it_was_agreed(desk: Desk) -> None:
    desk.subscribe(plan="large")
    answer = desk.ask(plan="small")
    assert (answer.json()["status"], answer.json()["when"]) == ("applied", "period_end")

    desk.pass_time(32 * DAY)
    desk.hear()

    assert (desk.subscription.plan, desk.contract.plan) == ("small", "small")
    assert desk.contract.catalog_version_id == desk.change.catalog_version_id
    assert desk.money()[-1][:3] == ("plan", 10, 100)


@pytest.mark.parametrize("desk", ["add", "difference"], indirect=True)
def test_more_seats_bring_their_credits_once(desk: Desk) -> None:
    """Of a new period they come with it, and not with the former one as well."""
    now, actor = timezone.now(), Actor("user", desk.account.pk)
    with transaction.atomic():
        team = organizations.found(owner=desk.account, name="Team", actor=actor, now=now).account
        wish = Wish(plan="team", interval="P1M", success_url=BACK)
        asked = services.ask(account=team, wish=wish, now=now)
    desk.till.peer.pay(services.open_page(checkout_id=asked.pk, now=now).url)
    desk.till.settle()
    theirs = Desk(desk.till, team)
    assert theirs.grants() == [(150, 150, 0)]

    with transaction.atomic():
        more = ChangeWish(plan="team", interval="P1M", seats=5)
        change = services.ask_change(account=team, wish=more, agreed_micros=None, now=now)
    services.carry_out(change_id=change.pk, now=now)
    theirs.hear()

    assert (theirs.subscription.seats, theirs.contract.seats) == (5, 5)
    assert theirs.at_stripe()["items"]["data"][0]["quantity"] == 5
    assert theirs.contract.renewal_micros == 25 * MICROS
    [first, more_credits] = theirs.grants()
    assert first == (150, 150, 0)
    assert more_credits[0] in ({250} if change.begins_anew else {99, 100})
    assert theirs.is_clean()
