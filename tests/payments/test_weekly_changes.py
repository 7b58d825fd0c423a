"""A change into a new period that waits over a week's end: its worth was that of one week.

With another week come other credits. What was reckoned does not hold then: who has not paid is
given up, who pays has his money back, and nobody has a week's credits twice or loses one.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Final

import pytest

from billing.payments.gateway import changes as gateway
from plans.credits import MICROS
from tests import factories
from tests.payments import till as tills
from tests.payments.dying import Died, dies
from tests.payments.plans_till import Desk
from tests.payments.till import Till
from tests.stripe_peer.driver import CHALLENGED, GOOD, Peer

pytestmark = pytest.mark.django_db
HOUR: Final = timedelta(hours=1)
WEEK: Final = timedelta(days=7)
PLAN: Final = """
[[plan]]
code = "{code}"
name = {{ en = "{code}", zh = "{code}" }}
prices = [{{ currency = "USD", interval = "P1M", list = "{price}" }}]
  [[plan.allowance]]
  code = "weekly"
  credits = "{credits}"
  cadence = "weekly"
"""
PLANS: Final = PLAN.format(code="small", price=10, credits=100) + PLAN.format(
    code="large", price=40, credits=600
)
POLICY: Final = """
[change_policy]
upgrade = { when = "now", credits = "replace" }
"""


@pytest.fixture
def desk(db: None, peer: Peer) -> Desk:
    """Ada has paid for a month of the small plan, which brings a hundred a week."""
    tills.open_till(POLICY, packs="", plans=PLANS)
    desk = Desk(Till(peer, is_sandbox=True), factories.new_account("ada"))
    desk.subscribe(number=CHALLENGED)
    assert (desk.free, desk.money()) == (100, [("plan", 10, 100, 0)])
    return desk


def live(desk: Desk, by: timedelta) -> None:
    """Let time pass, and write down what came and went."""
    desk.pass_time(by)
    factories.settle(desk.account)


def weeks_of(desk: Desk) -> int:
    """Return how many weeks begin in the month that is paid for."""
    contract = desk.contract
    return -((contract.period_starts_at - contract.period_ends_at) // WEEK)


def worth(desk: Desk, hundredths: int) -> int:
    """Return the worth of so many hundredths of a week, in whole cents."""
    return 1000 * hundredths // (100 * weeks_of(desk)) * MICROS // 100


def ask(desk: Desk) -> str:
    """Ask for the large plan; return the page on which its bill waits for the payer."""
    answer = desk.ask()
    assert (answer.status_code, answer.json()["status"]) == (201, "billed"), answer.content
    return str(answer.json()["payment_action_url"])


def stands_in_the_second_week(desk: Desk) -> bool:
    """Say whether the small plan goes on, with the credits of its second week and no others."""
    return (
        (desk.subscription.plan, desk.price_at_stripe(), desk.free, desk.held)
        == ("small", 10, 100, 0)
        and [amount for amount, _free, _taken in desk.grants()] == [100, 100]
        and not any(status == "open" for status, _amount in desk.bills())
        and desk.is_clean()
    )


def test_what_is_left_of_the_weeks_is_what_is_taken_off(desk: Desk) -> None:
    """Of the week that is over nothing is left, of the one under way one half."""
    live(desk, WEEK + HOUR)
    factories.capture(desk.account, factories.hold(desk.account, 50), 50 * MICROS)

    ask(desk)

    change = desk.change
    assert change.worth_micros == worth(desk, 100 * (weeks_of(desk) - 2) + 50)
    assert change.due_micros == 40 * MICROS - change.worth_micros
    assert (desk.free, desk.held) == (0, 50)
    assert change.to_be_paid_by == desk.contract.anchor_at + 2 * WEEK


def test_who_does_not_pay_within_the_week_has_the_next_one_and_nothing_of_the_former(
    desk: Desk,
) -> None:
    ask(desk)

    live(desk, WEEK + HOUR)
    assert (desk.free, desk.held) == (100, 100)  # the second week has come; the first is held
    desk.sweep()

    assert (desk.change.state, desk.change.failure) == ("failed", "not_paid")
    assert [status for status, _amount in desk.bills()] == ["void"]
    assert stands_in_the_second_week(desk)
    # Asked for anew it is reckoned anew: the first week is worth nothing any more.
    ask(desk)
    assert desk.change.worth_micros == worth(desk, 100 * (weeks_of(desk) - 1))


def test_who_pays_after_the_week_has_his_money_back(desk: Desk) -> None:
    page = ask(desk)
    live(desk, WEEK + HOUR)
    assert desk.till.peer.pay(page, GOOD).status == 303

    desk.hear()

    assert (desk.change.state, desk.change.failure) == ("failed", "too_late")
    assert desk.refunds() == [("too_late", "succeeded")]
    assert desk.money()[-1] == ("change", 30, 0, 30)
    assert stands_in_the_second_week(desk)


def test_what_was_paid_in_time_and_not_carried_out_in_it_goes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ask(desk)
    assert desk.till.peer.pay(page, GOOD).status == 303
    with monkeypatch.context() as dying:
        dying.setattr(gateway, "change_now", dies)
        with suppress(Died):
            desk.hear()
    assert (desk.change.state, desk.held) == ("paid", 100)

    live(desk, WEEK + HOUR)
    desk.sweep()
    desk.hear()

    assert (desk.change.state, desk.change.failure) == ("failed", "renewed_meanwhile")
    assert desk.refunds() == [("renewed_meanwhile", "succeeded")]
    assert desk.money()[-1] == ("change", 30, 0, 30)
    assert stands_in_the_second_week(desk)


def test_who_pays_within_the_week_has_the_new_plan_for_it(desk: Desk) -> None:
    page = ask(desk)
    live(desk, WEEK - HOUR)
    assert desk.till.peer.pay(page, GOOD).status == 303

    desk.hear()

    assert (desk.change.state, desk.subscription.plan) == ("applied", "large")
    assert (desk.free, desk.held) == (600, 0)
    assert desk.is_clean()
