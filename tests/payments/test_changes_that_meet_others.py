"""A change of plan that another worker, the end, a pause or a new window of credits comes across.

What was paid for it is given once or goes back, and never both.
"""

from datetime import timedelta
from typing import Any

import pytest

from billing.ledger.models import Grant
from billing.payments.gateway import StripeRefused
from billing.payments.gateway import changes as gateway
from billing.payments.models import Contract
from billing.payments.services import applying, fulfilling
from billing.webhooks.models import Event
from tests import factories
from tests.payments import plans_till
from tests.payments.dying import Died, dies
from tests.payments.plans_till import Desk
from tests.payments.till import Till
from tests.stripe_peer.driver import CHALLENGED, GOOD, Peer

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BOTH = pytest.mark.parametrize("desk", ["replace", "difference"], indirect=True)


@pytest.fixture
def desk(db: None, peer: Peer, request: pytest.FixtureRequest) -> Desk:
    """Ada, who can live ahead of time, at a shop where a new plan replaces the old one."""
    plans_till.open_plans(getattr(request, "param", "replace"))
    return Desk(Till(peer, is_sandbox=True), factories.new_account("ada"))


# -- another worker ------------------------------------------------------------------------------
def test_two_workers_who_both_saw_a_change_that_waits_carry_out_another_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe(plan="large")
    assert desk.ask(plan="small").status_code == 201
    desk.hear()
    change_now = gateway.change_now

    def twice(*asked: Any, **named: Any) -> None:  # noqa: ANN401 (whatever it takes)
        change_now(*asked, **named)
        change_now(*asked, **named)

    monkeypatch.setattr(gateway, "change_now", twice)

    answer = desk.ask(plan="large", interval="P1Y")

    assert (answer.status_code, answer.json()["status"]) == (201, "applied"), answer.content
    desk.hear()
    assert (desk.change.state, desk.subscription.interval) == ("applied", "P1Y")
    assert (desk.refunds(), desk.held) == ([], 0)
    assert desk.is_clean()


def test_what_stripe_refuses_because_it_is_done_is_not_undone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    change_now = gateway.change_now

    def is_too_slow(*asked: Any, **named: Any) -> None:  # noqa: ANN401 (whatever it takes)
        change_now(*asked, **named)
        raise StripeRefused("Somebody was faster.", code="refused")

    monkeypatch.setattr(gateway, "change_now", is_too_slow)

    answer = desk.ask()

    assert (answer.status_code, answer.json()["status"]) == (201, "applied"), answer.content
    desk.hear()
    assert (desk.subscription.plan, desk.free, desk.held) == ("large", 600, 0)
    assert (desk.refunds(), desk.price_at_stripe()) == ([], 40)
    assert desk.is_clean()


def test_a_plan_ends_though_somebody_has_dropped_the_change_that_waited(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe(plan="large")
    assert desk.ask(plan="small").status_code == 201
    end_at_period_end = gateway.end_at_period_end

    def after_another(wire: Any, seen: Any, **named: Any) -> None:  # noqa: ANN401 (whatever it takes)
        gateway.drop_change(wire, seen)
        end_at_period_end(wire, seen, **named)

    monkeypatch.setattr(gateway, "end_at_period_end", after_another)

    answer = desk.ask("cancel")

    assert answer.status_code == 201, answer.content
    assert desk.at_stripe()["cancel_at_period_end"]


# -- the end -------------------------------------------------------------------------------------
def test_a_change_whose_period_was_given_is_carried_out_though_it_has_ended_since(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    desk.die_at(fulfilling, "end", dies, monkeypatch)
    assert (desk.change.state, desk.subscription.plan) == ("paid", "large")
    desk.till.peer.client().v1.subscriptions.cancel(desk.contract.stripe_id)

    desk.sweep()
    desk.hear()

    assert (desk.change.state, desk.change.failure) == ("applied", "")
    assert (desk.refunds(), desk.held) == ([], 0)
    assert desk.is_clean()


def test_a_change_whose_period_was_given_is_not_undone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    desk.die_at(fulfilling, "end", dies, monkeypatch)
    change = desk.change

    stands = fulfilling.undo(change.pk, "refused", now=change.created_at)

    assert (stands.state, desk.change.state) == ("paid", "paid")
    assert (desk.refunds(), desk.held) == ([], 100)


# -- a new window of credits ---------------------------------------------------------------------
def ask_in_a_year(desk: Desk) -> str:
    """Ask for the large plan within a year; return the page on which its bill is paid."""
    desk.subscribe(number=CHALLENGED, interval="P1Y")
    answer = desk.ask(interval="P1Y")
    assert (answer.status_code, answer.json()["status"]) == (201, "billed"), answer.content
    return str(answer.json()["payment_action_url"])


@BOTH
def test_what_is_paid_after_another_window_has_begun_is_paid_back(desk: Desk) -> None:
    """It was reckoned with the credits of the window before: they would come twice, or never."""
    page = ask_in_a_year(desk)
    desk.pass_time(32 * DAY)
    assert desk.till.peer.pay(page, GOOD).status == 303

    desk.hear()

    assert (desk.change.state, desk.change.failure) == ("failed", "too_late")
    assert desk.refunds() == [("too_late", "succeeded")]
    assert (desk.subscription.plan, desk.free, desk.held) == ("small", 100, 0)
    assert desk.is_clean()


def test_a_change_that_is_not_paid_when_another_window_begins_is_given_up_then(desk: Desk) -> None:
    ask_in_a_year(desk)

    desk.pass_time(32 * DAY)
    desk.sweep()

    assert (desk.change.state, desk.change.failure) == ("failed", "not_paid")
    assert (desk.held, [status for status, _amount in desk.bills()]) == (0, ["void"])


def test_what_was_paid_in_time_and_not_carried_out_before_another_window_goes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credits of that window are the former plan's, and its worth was taken off as well."""
    desk.subscribe(interval="P1Y")
    with monkeypatch.context() as dying:
        dying.setattr(gateway, "change_now", dies)
        with pytest.raises(Died):
            desk.ask(interval="P1Y")
    assert desk.change.state == "paid"

    desk.pass_time(32 * DAY)
    desk.sweep()
    desk.hear()

    assert (desk.change.state, desk.change.failure) == ("failed", "renewed_meanwhile")
    assert desk.refunds() == [("renewed_meanwhile", "succeeded")]
    assert (desk.subscription.plan, desk.free, desk.held) == ("small", 100, 0)
    assert desk.is_clean()


# -- a pause -------------------------------------------------------------------------------------
def pause(desk: Desk) -> None:
    """Have an operator let Stripe collect no more."""
    desk.till.peer.client().v1.subscriptions.update(
        desk.contract.stripe_id, {"pause_collection": {"behavior": "void"}}
    )


def resume(desk: Desk) -> None:
    """Have an operator let Stripe collect again."""
    desk.till.peer.client().v1.subscriptions.update(
        desk.contract.stripe_id, {"pause_collection": ""}
    )


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "not heard of"])
def test_nothing_is_asked_for_a_change_at_once_of_what_is_paused(
    desk: Desk, *, is_known: bool
) -> None:
    desk.subscribe()
    pause(desk)
    if is_known:
        desk.hear()

    answer = desk.ask()

    assert (answer.status_code, answer.json()["code"]) == (409, "plan_is_paused"), answer.content
    assert (desk.bills(), desk.free, desk.held) == ([], 100, 0)
    assert desk.money() == [("plan", 10, 100, 0)]
    resume(desk)
    desk.hear()
    assert desk.ask().json()["status"] == "applied"


def test_a_change_whose_period_does_not_begin_keeps_what_is_pledged_until_it_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    with monkeypatch.context() as unseen:
        unseen.setattr(applying, "look", lambda **_asked: None)
        answer = desk.ask()

    assert answer.json()["status"] == "paid", answer.content
    assert (desk.change.state, desk.held, desk.free) == ("paid", 100, 0)
    desk.sweep()
    assert (desk.change.state, desk.held, desk.free) == ("applied", 0, 600)
    assert desk.is_clean()


# -- a bank that says no -------------------------------------------------------------------------
def test_a_declined_change_leaves_the_plan_paid_and_writes_no_letter(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asked for it was told at once; its bill is void, and there is nothing to pay."""
    desk.subscribe()
    desk.hear()
    desk.decline()
    drop_bill, stood = gateway.drop_bill, []

    def hear_and_drop(wire: Any, invoice_id: str) -> Any:  # noqa: ANN401 (as it is)
        stood.append(desk.at_stripe()["status"])
        desk.till.settle()  # its events come while it is open
        return drop_bill(wire, invoice_id)

    monkeypatch.setattr(gateway, "drop_bill", hear_and_drop)

    assert desk.ask().status_code == 402
    desk.hear()

    assert stood == ["active"]
    assert not Event.objects.filter(account=desk.account, type="payment.failed").exists()
    assert "payment_failed" not in desk.account.notices.values_list("kind", flat=True)


# -- what Stripe does not know any more, or did not do --------------------------------------------
def test_a_change_of_a_contract_that_is_gone_at_stripe_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are its bills listed there any more."""

    def is_gone(*_asked: object) -> None:
        raise StripeRefused("No such customer: 'cus_gone'", code="resource_missing")

    desk.subscribe()
    desk.die_at(gateway, "ask_for", dies, monkeypatch)
    assert (desk.change.state, desk.held) == ("asked", 100)
    Contract.objects.update(stripe_id="sub_gone")
    monkeypatch.setattr(gateway, "find_bill", is_gone)

    desk.sweep()

    assert (desk.change.state, desk.change.failure) == ("failed", "resource_missing")
    assert (desk.free, desk.held) == (100, 0)
    assert desk.is_clean()


@pytest.mark.parametrize("desk", ["difference"], indirect=True)
def test_what_stripe_did_not_change_is_not_paid_a_second_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_asked: object, **_named: object) -> None:
        raise StripeRefused("It does not do this.", code="parameter_invalid")

    desk.subscribe()
    with monkeypatch.context() as refusing:
        refusing.setattr(gateway, "change_now", refuse)
        assert desk.ask().json()["status"] == "applied"
    desk.hear()
    free = desk.free
    assert (desk.subscription.plan, desk.contract.plan) == ("large", "small")

    answer = desk.ask()

    assert answer.json()["status"] == "applied", answer.content
    assert (desk.bills(), desk.free, desk.price_at_stripe()) == ([("paid", 30)], free, 40)
    assert desk.is_clean()


def test_what_waits_for_the_end_of_the_period_leaves_the_one_under_way_its_trial_and_discounts(
    desk: Desk,
) -> None:
    desk.subscribe(plan="large")
    client, contract = desk.till.peer.client().v1, desk.contract
    coupon = client.coupons.create({"percent_off": 50, "duration": "forever"})
    trial_ends_at = int(contract.period_ends_at.timestamp()) - 86_400
    at_stripe = client.subscriptions.update(
        contract.stripe_id,
        {
            "discounts": [{"coupon": coupon.id}],
            "trial_end": trial_ends_at,
            "proration_behavior": "none",
        },
    )

    assert desk.ask(plan="small", when="period_end").status_code == 201

    [schedule] = desk.till.peer.objects()["subscription_schedule"]
    under_way = schedule["phases"][0]
    assert under_way["trial_end"] == trial_ends_at
    assert [one["discount"] for one in under_way["discounts"]] == at_stripe.discounts


# -- what is held of credits that end --------------------------------------------------------------
def test_a_change_that_is_not_made_does_not_prolong_the_credits_that_were_pledged(
    desk: Desk,
) -> None:
    plans_till.open_plans("replace", head='expiry_in_flight = "P7D"')
    desk.subscribe(number=CHALLENGED)
    assert desk.ask().json()["status"] == "billed"
    assert (desk.free, desk.held) == (0, 100)
    desk.pass_time(32 * DAY)

    desk.sweep()

    assert (desk.change.state, desk.held) == ("failed", 0)
    assert desk.grants()[0] == (100, 0, 0)
    assert not Grant.objects.filter(fact__startswith="returned:").exists()
    assert desk.is_clean()
