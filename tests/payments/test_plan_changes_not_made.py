"""A change of plan that is not made leaves no open bill, no credits held, and no money kept."""

from datetime import timedelta

import pytest

from billing.ledger.models import Entry, Hold
from billing.payments.gateway import StripeAway, StripeRefused
from billing.payments.gateway import changes as gateway
from billing.payments.services import collecting, fulfilling
from tests import factories
from tests.acts import frozen
from tests.payments import plans_till
from tests.payments.dying import dies
from tests.payments.plans_till import Desk
from tests.payments.till import Till
from tests.stripe_peer.driver import CHALLENGED, GOOD, Peer

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
BY_DIFFERENCE = pytest.mark.parametrize("desk", ["difference"], indirect=True)


@pytest.fixture
def desk(db: None, peer: Peer, request: pytest.FixtureRequest) -> Desk:
    """Ada, who can live ahead of time, at a shop where a new plan replaces the old one."""
    plans_till.open_plans(getattr(request, "param", "replace"))
    return Desk(Till(peer, is_sandbox=True), factories.new_account("ada"))


def stands_as_before(desk: Desk) -> bool:
    """Say whether the account has its plan, its credits and its money, and nothing is open."""
    return (
        (desk.subscription.plan, desk.free, desk.held) == ("small", 100, 0)
        and desk.grants() == [(100, 100, 0)]
        and (desk.price_at_stripe(), desk.contract.plan) == (10, "small")
        and not any(status in {"open", "uncollectible"} for status, _amount in desk.bills())
        and desk.is_clean()
    )


def ask_and_be_challenged(desk: Desk) -> str:
    """Ask for the change; return the page on which its bill is paid."""
    desk.subscribe(number=CHALLENGED)
    answer = desk.ask()
    assert (answer.status_code, answer.json()["status"]) == (201, "billed"), answer.content
    assert (desk.free, desk.held) == (0, 100)
    return str(answer.json()["payment_action_url"])


def pay(desk: Desk, page: str) -> None:
    """Pay a bill on its page, with a card whose bank asks for nothing."""
    assert desk.till.peer.pay(page, GOOD).status == 303


# -- the bank ----------------------------------------------------------------------------------
def test_a_frozen_account_changes_no_plan_and_may_end_it(desk: Desk) -> None:
    desk.subscribe()
    frozen.freeze(desk.account)
    before = desk.money()

    answer = desk.ask()

    assert (answer.status_code, answer.json()["code"]) == (403, "account_frozen")
    assert (desk.subscription.plan, desk.money()) == ("small", before)
    ended = desk.till.ask({"when": "period_end"}, path="/v1/subscription/cancel")
    assert ended.status_code == 201, ended.content


def test_a_declined_change_leaves_everything_as_it_was(desk: Desk) -> None:
    desk.subscribe()
    desk.decline()

    answer = desk.ask()

    assert (answer.status_code, answer.json()["code"]) == (402, "payment_failed")
    assert (desk.change.state, desk.bills()) == ("failed", [("void", 30)])
    assert desk.change.hold is not None
    assert desk.change.hold.state == Hold.State.RELEASED
    assert desk.money() == [("plan", 10, 100, 0)]
    desk.hear()
    assert stands_as_before(desk)


def test_a_change_whose_payer_is_asked_for_waits_and_is_made_once_he_has_paid(desk: Desk) -> None:
    page = ask_and_be_challenged(desk)
    assert desk.ask().json()["code"] == "change_under_way"

    pay(desk, page)
    desk.hear()

    assert (desk.change.state, desk.subscription.plan) == ("applied", "large")
    assert (desk.free, desk.held) == (600, 0)
    assert desk.money() == [("plan", 10, 100, 0), ("change", 30, 450, 0)]
    assert desk.is_clean()


def test_a_change_that_nobody_pays_is_given_up_after_a_day(desk: Desk) -> None:
    page = ask_and_be_challenged(desk)

    desk.sweep(after=22 * HOUR)
    assert desk.change.state == "billed"
    desk.sweep(after=24 * HOUR)

    assert (desk.change.state, desk.change.failure) == ("failed", "not_paid")
    assert "void" in desk.till.peer.look(page).html
    assert stands_as_before(desk)


# -- too late: the period is over by which it was reckoned ---------------------------------------
def test_a_change_that_is_not_paid_when_its_period_ends_is_given_up_then(desk: Desk) -> None:
    ask_and_be_challenged(desk)

    desk.pass_time(30 * DAY + 2 * HOUR)
    desk.sweep()

    assert (desk.change.state, desk.bills()) == ("failed", [("void", 30)])
    assert desk.held == 0
    assert desk.is_clean()


@pytest.mark.parametrize("desk", ["replace", "difference"], indirect=True)
def test_what_is_paid_after_its_period_is_paid_back(desk: Desk) -> None:
    """The worth of a period is taken off once: its renewal is not half price for who waits."""
    desk.subscribe(number=CHALLENGED)
    page = desk.ask().json()["payment_action_url"]
    desk.pass_time(30 * DAY + 10 * HOUR)
    pay(desk, page)

    desk.hear()

    assert (desk.change.state, desk.change.failure) == ("failed", "too_late")
    assert desk.refunds() == [("too_late", "succeeded")]
    assert ("change", 30, 0, 30) in desk.money()
    assert (desk.held, desk.subscription.plan, desk.price_at_stripe()) == (0, "small", 10)
    desk.hear()
    assert len(desk.refunds()) == 1
    assert desk.is_clean()


def test_what_was_asked_for_in_time_is_not_collected_after_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    desk.die_at(collecting, "collect", dies, monkeypatch)
    desk.pass_time(30 * DAY + 2 * HOUR)

    desk.sweep()

    assert (desk.change.state, desk.change.failure) == ("failed", "too_late")
    assert desk.bills() == []
    assert desk.held == 0
    assert desk.is_clean()


def test_a_change_that_was_paid_before_a_renewal_and_not_carried_out_is_paid_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bill of the former plan's next period is on its way: both would be paid for one time."""
    desk.subscribe()
    desk.die_at(gateway, "change_now", dies, monkeypatch)
    assert (desk.change.state, desk.held) == ("paid", 100)
    desk.pass_time(30 * DAY + 10 * HOUR)

    desk.sweep()
    desk.hear()

    assert (desk.change.state, desk.change.failure) == ("failed", "renewed_meanwhile")
    assert desk.refunds() == [("renewed_meanwhile", "succeeded")]
    assert (desk.held, desk.subscription.plan, desk.price_at_stripe()) == (0, "small", 10)
    assert desk.is_clean()


# -- bills that nobody knows of ------------------------------------------------------------------
def test_a_bill_that_was_made_by_who_died_is_found_and_dropped_once_its_key_is_forgotten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    desk.die_at(fulfilling, "note_bill", dies, monkeypatch)
    assert (desk.change.invoice_id, desk.bills()) == ("", [("open", 30)])

    desk.sweep(after=21 * HOUR)

    assert (desk.change.failure, desk.bills()) == ("too_late", [("void", 30)])
    assert stands_as_before(desk)


def test_a_bill_that_was_paid_unnoticed_is_found_and_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    desk.die_at(fulfilling, "note_bill", dies, monkeypatch)
    [bill] = [one for one in desk.till.peer.objects()["invoice"] if one["status"] == "open"]
    pay(desk, bill["hosted_invoice_url"])

    desk.sweep(after=21 * HOUR)

    assert (desk.change.state, desk.subscription.plan, desk.free) == ("applied", "large", 600)
    assert desk.money()[-1] == ("change", 30, 450, 0)
    assert desk.is_clean()


def test_a_change_that_was_paid_after_it_had_failed_is_paid_back_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bill could not be dropped: whoever pays it gets his money back."""
    page = ask_and_be_challenged(desk)
    fulfilling.fail(desk.change.pk, "not_paid", now=factories.later(desk.account, timedelta()))
    pay(desk, page)

    desk.hear()
    desk.hear()

    assert desk.change.state == "failed"
    assert desk.refunds() == [("change_failed", "succeeded")]
    assert desk.money() == [("plan", 10, 100, 0), ("change", 30, 0, 30)]
    assert stands_as_before(desk)


def test_a_bill_that_is_made_while_somebody_gives_up_is_dropped_by_its_maker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    ask_for = gateway.ask_for

    def given_up_meanwhile(*asked: object) -> object:
        made = ask_for(*asked)  # type: ignore[arg-type]  # handed on
        now = factories.later(desk.account, timedelta())
        fulfilling.fail(desk.change.pk, "not_paid", now=now)
        return made

    monkeypatch.setattr(gateway, "ask_for", given_up_meanwhile)

    answer = desk.ask()

    assert (answer.status_code, answer.json()["code"]) == (402, "payment_failed")
    assert desk.bills() == [("void", 30)]
    assert stands_as_before(desk)


# -- what Stripe does not do ---------------------------------------------------------------------
def test_a_price_that_is_not_at_stripe_is_found_out_before_money_is_asked_for(desk: Desk) -> None:
    desk.subscribe()
    desk.drop_price("large")

    answer = desk.ask()

    assert (answer.status_code, answer.json()["code"]) == (503, "price_out_of_step")
    assert (desk.change.state, desk.bills()) == ("failed", [])
    assert stands_as_before(desk)


def test_a_contract_that_has_ended_at_stripe_is_changed_into_nothing(desk: Desk) -> None:
    desk.subscribe()
    desk.till.peer.client().v1.subscriptions.cancel(desk.contract.stripe_id)

    answer = desk.ask()

    assert (answer.status_code, answer.json()["code"]) == (409, "not_subscribed")
    assert (desk.change.state, desk.bills(), desk.held) == ("failed", [], 0)
    assert desk.is_clean()


def refuse(*_asked: object, **_named: object) -> None:
    raise StripeRefused("It does not do this.", code="parameter_invalid")


def test_a_new_period_that_stripe_refuses_is_paid_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    monkeypatch.setattr(gateway, "change_now", refuse)

    answer = desk.ask()

    assert (answer.status_code, answer.json()["code"]) == (422, "payments_refused")
    assert (desk.change.state, desk.change.failure) == ("failed", "parameter_invalid")
    desk.hear()
    assert desk.refunds() == [("parameter_invalid", "succeeded")]
    assert desk.money() == [("plan", 10, 100, 0), ("change", 30, 0, 30)]
    entries = Entry.objects.count()
    desk.sweep()
    assert Entry.objects.count() == entries
    assert stands_as_before(desk)


@BY_DIFFERENCE
def test_a_difference_that_stripe_refuses_is_given_and_the_next_period_is_the_former_plan(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    with monkeypatch.context() as refusing:
        refusing.setattr(gateway, "change_now", refuse)
        answer = desk.ask()

    assert (answer.status_code, answer.json()["status"]) == (201, "applied")
    assert (desk.change.failure, desk.refunds()) == ("parameter_invalid", [])
    assert 598 <= desk.free <= 600
    desk.pass_time(32 * DAY)
    desk.hear()
    assert (desk.subscription.plan, desk.contract.plan) == ("small", "small")
    assert desk.money()[-1] == ("plan", 10, 100, 0)
    assert desk.is_clean()


def test_what_stripe_does_not_answer_waits_for_the_sweep(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_asked: object, **_named: object) -> None:
        raise StripeAway("it does not answer")

    desk.subscribe()
    with monkeypatch.context() as being_away:
        being_away.setattr(gateway, "change_now", away)
        answer = desk.ask()
    assert (answer.status_code, desk.change.state) == (503, "paid")
    assert (desk.free, desk.held) == (0, 100)

    desk.sweep()

    assert (desk.change.state, desk.subscription.plan, desk.free) == ("applied", "large", 600)
    assert desk.is_clean()


# -- the end of the contract ---------------------------------------------------------------------
@pytest.mark.parametrize("when", ["now", "period_end"])
def test_who_ends_his_plan_gives_up_the_change_that_he_has_not_paid(desk: Desk, when: str) -> None:
    page = ask_and_be_challenged(desk)

    answer = desk.ask("cancel", when=when)

    assert answer.status_code == 201, answer.content
    assert (desk.change.state, desk.bills(), desk.held) == ("failed", [("void", 30)], 0)
    assert "void" in desk.till.peer.look(page).html
    assert desk.is_clean()


def test_who_ends_his_plan_has_the_change_that_he_has_paid(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    desk.die_at(gateway, "change_now", dies, monkeypatch)

    answer = desk.ask("cancel")

    assert answer.status_code == 201, answer.content
    assert (desk.change.state, desk.subscription.plan, desk.free) == ("applied", "large", 600)
    assert desk.subscription.ends_at == desk.subscription.paid_until
    assert desk.is_clean()
