"""Terms of allowances as they stand in the database, and what they do there."""

from datetime import timedelta

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger import store
from billing.ledger.errors import NothingToClaim
from billing.ledger.models import Allowance, Entry, Grant
from billing.ledger.services import Cause, Claim
from billing.subscriptions import services as subscriptions
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.insights.telling import told
from tests.ledger.shop import allowance, customer, free, spend

pytestmark = pytest.mark.usefixtures("ends_clean")

DAY = timedelta(days=1)
MONTH = timedelta(days=31)


def no_day_ends_soon(account: Account) -> None:
    """Go on to an hour after the day's end, whenever the test runs."""
    day = Grant.objects.get(series__contains="day")
    assert day.expires_at is not None
    here = store.clock(factories.wallet_of(account))
    factories.later(account, day.expires_at + timedelta(hours=1) - here)


def test_daily_credits_fill_up_and_do_not_stack_in_the_database() -> None:
    ada = customer(free=allowance(cadence="daily", credits="50", fill="set_to", expiry="never"))
    spend(ada, 20)

    factories.later(ada, DAY)
    factories.later(ada, DAY)

    assert free(ada) == 50
    assert [grant.amount_micros // MICROS for grant in Grant.objects.order_by("id")] == [50, 20]


def test_what_rolls_over_up_to_a_cap_is_written_with_its_cause() -> None:
    ada = customer(
        free=allowance(cadence="monthly", credits="100", rollover="cap", rollover_cap="30")
    )

    factories.later(ada, 3 * MONTH)

    assert free(ada) == 130
    causes = Entry.objects.filter(kind="expire").values_list("cause_type", flat=True)
    assert set(causes) == {"rollover"}
    assert any("more than is carried over" in line for line in told(ada))


def test_who_slept_through_three_months_wakes_with_what_rolled_over() -> None:
    ada = customer(
        free=allowance(cadence="monthly", credits="100", rollover="periods", rollover_periods=2)
    )
    spend(ada, 30)

    factories.later(ada, timedelta(days=93))

    assert free(ada) == 300


def test_a_rolling_window_is_drawn_once_by_its_first_use() -> None:
    ada = customer(free=allowance(cadence="rolling", period="PT24H", credits="30"))
    factories.later(ada, 5 * DAY)
    assert free(ada) == 30
    held = factories.hold(ada, 10)
    factories.later(ada, timedelta(hours=1))
    factories.hold(ada, 5)

    grant = Grant.objects.get()
    assert grant.expires_at is None
    assert grant.ends_at == held.created_at + DAY
    factories.later(ada, timedelta(hours=23))
    assert free(ada) == 30
    factories.release(ada, held)
    assert free(ada) == 30
    assert Grant.objects.count() == 2


def test_another_plan_waits_for_the_end_of_the_rolling_window_that_is_begun() -> None:
    roll = allowance(cadence="rolling", period="PT24H", credits="30")
    ada = customer(free=roll, pro=roll)
    spend(ada, 30)

    factories.later(ada, timedelta(hours=1))
    subscriptions.start(account=ada, plan="pro")
    assert free(ada) == 0
    factories.later(ada, timedelta(hours=22))
    assert free(ada) == 0
    factories.later(ada, timedelta(hours=1))

    assert free(ada) == 30
    subscriptions.start(account=ada, plan="free")
    assert free(ada) == 30
    assert Grant.objects.count() == 2


def test_coming_and_going_between_plans_mints_nothing() -> None:
    both = "\n".join(
        [
            allowance(code="roll", cadence="rolling", period="PT24H", credits="30"),
            allowance(code="day", cadence="daily", credits="7"),
            allowance(code="gift", cadence="once", credits="125", expiry="never"),
        ]
    )
    week = allowance(code="week", cadence="weekly", credits="1000")
    year = allowance(code="year", cadence="yearly", credits="10000")
    ada = customer(free=both, pro=f"{both}\n{week}\n{year}")
    no_day_ends_soon(ada)
    assert free(ada) == 162
    spend(ada, 5)
    grants = Grant.objects.count()

    for plan in ("pro", "free", "pro", "free", "pro"):
        subscriptions.start(account=ada, plan=plan)
        factories.later(ada, timedelta(minutes=1))

    assert free(ada) == 11157
    assert Grant.objects.count() == grants + 2


def test_a_week_goes_on_for_whoever_returns_within_it() -> None:
    ada = customer(pro=allowance(cadence="weekly", credits="1000"))
    for plan, days in (("pro", 2), ("free", 1), ("pro", 3)):
        subscriptions.start(account=ada, plan=plan)
        factories.later(ada, days * DAY)
    assert free(ada) == 1000
    assert Grant.objects.count() == 1

    factories.later(ada, DAY)
    assert Grant.objects.count() == 2
    subscriptions.start(account=ada, plan="free")
    factories.later(ada, 30 * DAY)
    subscriptions.start(account=ada, plan="pro")

    assert free(ada) == 1000
    last = Grant.objects.latest("id")
    assert last.expires_at == last.effective_at + 7 * DAY


def test_whoever_pays_again_in_the_same_month_has_its_credits_again() -> None:
    ada = customer(pro=allowance(cadence="monthly", credits="100", rollover="while_subscribed"))
    pro = plans.current().catalog.plan("pro")
    assert pro is not None

    for subscription in ("sub_1", "sub_2", "sub_2"):
        with transaction.atomic():
            locked = factories.lock(ada)
            ledger.start_allowances(locked, pro, zone="UTC", subscription=subscription)

    assert free(ada) == 200


def test_windows_are_drawn_from_the_anchor_of_the_subscription_and_stop_at_its_end() -> None:
    ada = customer(pro=allowance(cadence="monthly", credits="100"))
    pro = plans.current().catalog.plan("pro")
    assert pro is not None
    with transaction.atomic():
        locked = factories.lock(ada)
        anchor_at, ends_at = locked.now - 10 * DAY, locked.now + 60 * DAY
        ledger.start_allowances(locked, pro, zone="UTC", anchor_at=anchor_at, ends_at=ends_at)

    first = Grant.objects.get()
    assert first.expires_at is not None
    assert first.expires_at - anchor_at <= MONTH
    factories.later(ada, timedelta(days=120))
    assert free(ada) == 0
    assert Allowance.objects.get(code="pro.a").next_at is None


def test_credits_end_with_the_subscription_and_what_was_held_does_its_work() -> None:
    ada = customer(
        free="\n".join(
            [
                allowance(
                    code="kept", cadence="monthly", credits="100", rollover="while_subscribed"
                ),
                allowance(code="pool", cadence="yearly", credits="50", expiry="subscription_end"),
            ]
        )
    )
    factories.give(ada, 5)
    captured, returned = factories.hold(ada, 30), factories.hold(ada, 20)

    for _again in range(2):
        with transaction.atomic():
            gone = ledger.end_with_subscription(
                factories.lock(ada), cause=Cause("subscription", "sub_1")
            )
            assert gone in {100 * MICROS, 0}
    factories.capture(ada, captured, 30 * MICROS)
    factories.release(ada, returned)

    assert free(ada) == 5
    ended = Entry.objects.filter(cause_type="subscription")
    assert set(ended.values_list("kind", flat=True)) == {"expire"}
    assert Entry.objects.filter(kind="lapse").count() >= 1
    assert any("ended with the subscription" in line for line in told(ada))


@transaction.atomic
def check_in(account: Account) -> Claim:
    return ledger.claim(factories.lock(account), actor=factories.SYSTEM)


def test_what_comes_by_chance_is_decided_once() -> None:
    ada = customer(
        free=allowance(cadence="daily", mode="claimed", credits_min="60", credits_max="100")
    )
    amounts = set()
    for _day in range(12):
        claimed = check_in(ada)
        again = check_in(ada)
        assert (claimed.first, again.first) == (True, False)
        assert claimed.grant == again.grant
        amounts.add(claimed.grant.amount_micros)
        factories.later(ada, DAY)

    assert all(60 * MICROS <= micros <= 100 * MICROS for micros in amounts)
    assert all(micros % MICROS == 0 for micros in amounts)
    assert len(amounts) > 1  # twelve equal draws of forty-one: never in a lifetime


def test_days_in_a_row_bring_more_and_a_missed_day_begins_anew() -> None:
    ada = customer(
        free=allowance(
            cadence="daily",
            mode="claimed",
            credits="10",
            streak='[{ days = 3, credits = "5" }, { days = 2, credits = "1", repeats = true }]',
        )
    )
    seen = []
    for wait in (1, 1, 1, 1, 2, 1, 0):
        claimed = check_in(ada)
        seen.append((claimed.streak_days, claimed.grant.amount_micros // MICROS, claimed.first))
        factories.later(ada, wait * DAY)

    assert seen == [
        (1, 10, True),
        (2, 11, True),
        (3, 15, True),
        (4, 11, True),
        (5, 10, True),
        (1, 10, True),
        (2, 11, True),
    ]


def test_a_check_in_fills_up_only_what_is_missing() -> None:
    ada = customer(
        free=allowance(cadence="daily", mode="claimed", credits="10", fill="set_to", expiry="never")
    )
    check_in(ada)
    factories.later(ada, DAY)

    with pytest.raises(NothingToClaim):
        check_in(ada)
    spend(ada, 4)

    assert check_in(ada).grant.amount_micros == 4 * MICROS
    assert free(ada) == 10


def test_a_forecast_comes_true_and_the_past_stays_as_it_was() -> None:
    ada = customer(
        free="\n".join(
            [
                allowance(
                    code="cap", cadence="daily", credits="5", rollover="cap", rollover_cap="9"
                ),
                allowance(
                    code="keep",
                    cadence="weekly",
                    credits="20",
                    rollover="periods",
                    rollover_periods=1,
                ),
                allowance(
                    code="fill",
                    cadence="daily",
                    at="08:00",
                    credits="8",
                    fill="set_to",
                    expiry="P3D",
                ),
                allowance(code="roll", cadence="rolling", period="PT30H", credits="6"),
            ]
        )
    )
    factories.give(ada, 50, expires_in=4 * DAY)
    spend(ada, 12)
    now = factories.later(ada, timedelta(hours=1))
    instants = [now + timedelta(hours=hours) for hours in range(1, 20 * 24, 7)]

    foretold = [free(ada, at) for at in instants]
    seen = []
    for before, at in zip([now, *instants], instants, strict=False):
        factories.later(ada, at - before)
        seen.append(free(ada, at))

    assert seen == foretold
    assert [free(ada, at) for at in instants] == foretold


def test_credits_held_over_the_days_do_not_outgrow_their_cap() -> None:
    ada = customer(
        free=allowance(cadence="daily", credits="100", rollover="cap", rollover_cap="100")
    )

    for _day in range(3):
        held = factories.hold(ada, free(ada))
        factories.later(ada, DAY)
        factories.release(ada, held)

    assert free(ada) == 200


def test_credits_held_over_the_days_are_not_filled_up_twice() -> None:
    ada = customer(free=allowance(cadence="daily", credits="66", fill="set_to", expiry="never"))

    for _day in range(5):
        held = factories.hold(ada, free(ada))
        factories.later(ada, DAY)
        factories.release(ada, held)

    assert free(ada) == 66


def test_days_that_come_back_late_do_not_pile_up_by_the_grace_they_get() -> None:
    ada = customer(
        keys='expiry_in_flight = "P7D"',
        free=allowance(cadence="daily", credits="66", fill="set_to"),
    )

    for _day in range(20):
        held = factories.hold(ada, free(ada))
        factories.later(ada, DAY)
        factories.release(ada, held)
        assert free(ada) <= 132
