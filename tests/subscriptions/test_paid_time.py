"""Time that is paid for: a month of it is never missing, and never given twice."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.accounts.models import Account
from billing.accounts.services import ensure_account
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.models import Grant
from billing.subscriptions import selectors, services
from billing.subscriptions.services import Period, coming
from billing.webhooks.models import Event
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.ledger.machines import rolled_back
from tests.subscriptions.conftest import Vary
from tests.subscriptions.paid import months_after, nth, sold, tell
from tests.thoroughness import by_profile

pytestmark = pytest.mark.django_db
HISTORIES: Final = by_profile(desk=6, ci=25, night=400)
EVERY: Final = by_profile(desk=60, ci=6, night=1)  # of the zones
DAY: Final = timedelta(days=1)
MONTH: Final = 660 * MICROS
TRIAL: Final = ('code = "standard"\n', 'code = "standard"\ntrial = { period = "P7D" }\n')

_MONTHLY: Final = '  [[plan.allowance]]\n  code = "monthly"\n'
_DAILY: Final = """
  [[plan.allowance]]
  code = "each_day"
  cadence = "daily"
  credits = "10"
  expiry = "window_end"
"""


def given_months(account: Account) -> Counter[str]:
    """Return how often each month of the plan was given."""
    facts = Grant.objects.filter(wallet__account=account, series__contains="standard.monthly")
    return Counter(facts.values_list("fact", flat=True))


def told() -> list[str]:
    return [one.type.removeprefix("subscription.") for one in Event.objects.order_by("sequence")]


def here(account: Account) -> datetime:
    """Return the account's instant, to the second, as Stripe counts."""
    return factories.later(account, timedelta()).replace(microsecond=0)


def be_at(account: Account, at: datetime) -> None:
    """Let it be that instant for the account, if it is not past."""
    factories.later(account, max(timedelta(), at - factories.later(account, timedelta())))


@pytest.mark.parametrize("day", [28, 29, 30, 31])
def test_windows_begin_with_the_periods_wherever_the_account_lives(kling: None, day: int) -> None:
    anchor = datetime(2027, 1, day, 23, 30, 5, tzinfo=UTC)
    catalog = plans.current().catalog
    plan = catalog.plan("standard")
    assert plan is not None
    expected = [months_after(anchor, number) for number in range(26)]

    for zone in sorted(available_timezones())[::EVERY]:
        (schedule,) = ledger.paid_schedules(
            coming.of_periods(plan, catalog), zone=zone, anchor_at=anchor, subscription="sub_x"
        )
        until = months_after(anchor, 26)
        begins = [one.starts_at for one in ledger.windows_from(schedule, anchor, until)]
        assert begins == expected, zone


@st.composite
def lives(draw: st.DrawFn) -> tuple[str, datetime, str, list[tuple[int, timedelta]]]:
    """Draw a zone, an anchor, an interval, and when which period is told, some of them twice."""
    zone = draw(st.sampled_from(sorted(available_timezones())))
    month = datetime(2027, draw(st.integers(1, 12)), 1, tzinfo=UTC)
    within = timedelta(seconds=draw(st.integers(0, 86_399)))
    day = draw(st.sampled_from([1, 15, 27, 28, 29, 30, 31]))
    anchor = month + (day - 1) * DAY + within
    interval = draw(st.sampled_from(["P1M", "P1M", "P3M", "P6M"]))
    most = {"P1M": 5, "P3M": 2, "P6M": 1}[interval]
    paid = draw(st.sets(st.integers(0, most), min_size=1))
    late = st.timedeltas(timedelta(minutes=-2), 100 * DAY)
    told = [(number, draw(late)) for number in sorted(paid) for _ in range(draw(st.integers(1, 3)))]
    return zone, anchor, interval, told


@given(life=lives())
@settings(
    deadline=None,
    max_examples=HISTORIES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the catalog is only read
)
def test_each_paid_month_comes_once_whenever_and_however_often_it_is_told(
    kling: None, life: tuple[str, datetime, str, list[tuple[int, timedelta]]]
) -> None:
    zone, anchor, interval, said = life
    with rolled_back():
        account = ensure_account("eve", zone=zone, is_sandbox=True, now=datetime.now(UTC))
        what = sold(anchor, interval=interval)
        last = nth(anchor, interval, max(number for number, _late in said)).ends_at
        agenda: list[tuple[datetime, int | None]] = [
            (nth(anchor, interval, number).starts_at + late, number) for number, late in said
        ]
        # Somebody looks now and then, so that each window that comes by itself is felt.
        months = {"P1M": 1, "P3M": 3, "P6M": 6}[interval]
        agenda += [(months_after(anchor, one) + 9 * DAY, None) for one in range(2 * months + 4)]
        for at, number in sorted(agenda, key=lambda one: (one[0], one[1] is None)):
            be_at(account, at)
            if number is not None:
                tell(account, what, nth(anchor, interval, number))
            factories.settle(account)
        be_at(account, last + 130 * DAY)
        factories.settle(account)

        expected = len({number for number, _late in said}) * months
        found = given_months(account)
        assert len(found) == expected, sorted(found)
        amounts = Grant.objects.filter(wallet__account=account, fact__in=found)
        assert set(amounts.values_list("amount_micros", flat=True)) == {MONTH}
        assert factories.free_micros(account) == 0


def test_nothing_comes_of_a_month_that_nobody_has_paid(ada: Account) -> None:
    anchor = here(ada)
    tell(ada, sold(anchor), nth(anchor, "P1M", 0))
    assert factories.free_micros(ada) == MONTH

    be_at(ada, months_after(anchor, 1) + DAY)
    factories.settle(ada)

    assert factories.free_micros(ada) == 0
    subscription = selectors.open_of(ada)
    assert subscription is not None  # it is still on its plan, and may pay
    assert len(given_months(ada)) == 1


def test_a_year_that_is_paid_at_once_comes_month_by_month(ada: Account) -> None:
    anchor = here(ada)
    tell(ada, sold(anchor, interval="P1Y"), nth(anchor, "P1Y", 0))

    for month in range(1, 15):
        be_at(ada, months_after(anchor, month))
        factories.settle(ada)

    assert len(given_months(ada)) == 12


def test_a_payment_that_is_told_two_months_late_gives_its_month_from_then_on(ada: Account) -> None:
    anchor = here(ada)
    be_at(ada, months_after(anchor, 2) + DAY)

    tell(ada, sold(anchor), nth(anchor, "P1M", 0))

    grant = Grant.objects.get(wallet__account=ada, series__contains="standard.monthly")
    assert grant.expires_at is not None
    assert grant.expires_at - grant.effective_at == months_after(anchor, 1) - anchor
    assert factories.free_micros(ada) == MONTH


def test_the_same_told_again_tells_nobody_again(ada: Account) -> None:
    anchor = here(ada)
    for _again in range(3):
        tell(ada, sold(anchor), nth(anchor, "P1M", 0))
    be_at(ada, months_after(anchor, 1))
    for _again in range(3):
        tell(ada, sold(anchor), nth(anchor, "P1M", 1))

    assert told() == ["activated", "renewed"]
    assert len(given_months(ada)) == 2


def test_a_trial_brings_its_credits_until_its_end_and_the_first_month_comes_whole(
    ada: Account, vary: Vary
) -> None:
    vary(TRIAL)
    begins = here(ada)
    anchor = begins + 7 * DAY
    what = sold(anchor)

    tell(ada, what, Period(begins, anchor, is_trial=True))
    assert factories.free_micros(ada) == MONTH
    be_at(ada, anchor)
    factories.settle(ada)
    assert factories.free_micros(ada) == 0
    tell(ada, what, nth(anchor, "P1M", 0))

    assert factories.free_micros(ada) == MONTH
    assert len(given_months(ada)) == 1  # the credits of the trial are none of the plan's months


def test_an_account_has_one_trial(ada: Account, vary: Vary) -> None:
    vary(TRIAL)
    begins = here(ada)
    tell(ada, sold(begins + 7 * DAY), Period(begins, begins + 7 * DAY, is_trial=True))
    services.end(account=ada)
    assert factories.free_micros(ada) == 0

    be_at(ada, begins + DAY)
    again = begins + 8 * DAY
    tell(ada, sold(again), Period(begins + DAY, again, is_trial=True))

    assert factories.free_micros(ada) == 0
    subscription = selectors.open_of(ada)
    assert subscription is not None
    assert subscription.trial_ends_at == again


def test_a_renewal_does_not_move_the_day_that_comes_next(ada: Account, vary: Vary) -> None:
    vary((_MONTHLY, _DAILY + _MONTHLY))
    anchor = here(ada)
    tell(ada, sold(anchor), nth(anchor, "P1M", 0))
    be_at(ada, anchor + 2 * DAY)
    factories.settle(ada)
    coming_next = ledger_selectors.balance(factories.wallet_of(ada), as_of=None).next_grant
    assert coming_next is not None

    tell(ada, sold(anchor), nth(anchor, "P1M", 1))

    after = ledger_selectors.balance(factories.wallet_of(ada), as_of=None).next_grant
    assert after == coming_next
    be_at(ada, coming_next.at)
    factories.settle(ada)
    days = Grant.objects.filter(wallet__account=ada, series="each_day").order_by("effective_at")
    assert days.last().effective_at == coming_next.at  # type: ignore[union-attr]  # there is one
