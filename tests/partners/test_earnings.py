"""The statement of a month: it adds up, it agrees with the grants, and a past one never changes."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from billing.accounts.models import Account
from billing.http.errors import Malformed
from billing.partners import earnings
from billing.partners.earnings import Earnings
from billing.partners.models import Reward
from billing.promotions.models import CampaignGrant
from plans import periods
from plans.credits import MICROS
from tests import factories
from tests.partners import shelf

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def months(account: Account, programme: str) -> list[Earnings]:
    """Return the account's statements, from the month of its account on to after its last."""
    month = periods.calendar_month(account.zone, account.created_at)
    ends_at = factories.later(account, timedelta()) + 31 * DAY
    found = []
    while month.starts_at < ends_at:
        found.append(earnings.statement(account, programme, month))
        month = periods.calendar_month(account.zone, month.ends_at)
    return found


@pytest.fixture
def earned(ada: Account) -> Account:
    """Ada earned five rewards: two void or refused, one taken back, one held back still."""
    shelf.open_shop(('within = "P90D"', 'within = "P90D"\njoin_within = "P90D"'))
    shelf.admit(ada)
    code = shelf.code_of(ada, "studio")
    guests = [shelf.newcomer(f"guest-{number}", after=ada) for number in range(2)]
    for guest in guests:
        shelf.come(guest, code)
    first, second = (shelf.buy(guests[0], fact=f"order:{number}") for number in (1, 2))
    shelf.buy(guests[1])
    for guest in guests:
        shelf.look(guest)
    shelf.take_back(first.pk)
    for guest in guests:
        factories.later(guest, 35 * DAY)
    factories.later(ada, 35 * DAY)
    shelf.collect(ada, "studio")
    shelf.buy(guests[1], fact="order:3")
    shelf.look(guests[1])
    factories.later(ada, 32 * DAY)
    shelf.take_back(second.pk)
    factories.later(guests[0], 40 * DAY)
    shelf.buy(guests[0], fact="order:4")
    shelf.look(guests[0])
    return ada


def test_each_month_adds_up_and_goes_on_where_the_one_before_ended(earned: Account) -> None:
    told = months(earned, "studio")

    assert len(told) >= 3
    before = 0
    for one in told:
        assert one.opening_micros == before
        before = one.held_back_micros
        assert before == (
            one.opening_micros + one.earned_micros - one.granted_micros - one.forfeited_micros
        )
    assert before > 0
    assert shelf.is_clean()


def test_the_sums_of_all_months_are_those_of_the_grants(earned: Account) -> None:
    told = months(earned, "studio")
    granted = CampaignGrant.objects.filter(account=earned, fact__startswith="referral:")

    assert sum(one.granted_micros for one in told) == sum(
        granted.values_list("amount_micros", flat=True)
    )
    assert sum(one.earned_micros for one in told) == 5 * 10 * MICROS
    assert sum(one.forfeited_micros for one in told) == 10 * MICROS
    assert sum(one.taken_back_micros for one in told) == 10 * MICROS
    assert (sum(one.referred for one in told), sum(one.qualified for one in told)) == (2, 5)


def test_the_lines_of_a_month_are_its_figures(earned: Account) -> None:
    for one in months(earned, "studio"):
        lines = list(earnings.lines(earned, "studio", one.month))
        begins, ends = one.month.starts_at, one.month.ends_at

        assert one.qualified == sum(begins <= line.earned_at < ends for line in lines)
        still = [
            line.amount_micros
            for line in lines
            if line.earned_at < ends and (line.settled_at is None or line.settled_at >= ends)
        ]
        assert one.held_back_micros == sum(still)


def test_a_month_that_is_over_says_the_same_for_ever(earned: Account) -> None:
    first = months(earned, "studio")[0]
    factories.later(earned, 60 * DAY)
    shelf.collect(earned, "studio")

    assert months(earned, "studio")[0] == first


def test_a_month_is_that_of_the_accounts_zone(ada: Account) -> None:
    month = earnings.month_of(ada, "2026-11", at=datetime.now(UTC))

    assert month.starts_at == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert month.ends_at == datetime(2026, 11, 30, 16, tzinfo=UTC)


@pytest.mark.parametrize("said", ["2026-13", "2026-1", "", "2026-11-01", "1999-01", "２０２６-11"])  # noqa: RUF001
def test_what_is_no_month_is_refused(ada: Account, said: str) -> None:
    with pytest.raises(Malformed):
        earnings.month_of(ada, said, at=datetime.now(UTC))


def test_a_welcome_is_nobodys_earning(ada: Account, bob: Account) -> None:
    shelf.come(bob, shelf.code_of(ada))

    assert Reward.objects.get().account_id == bob.pk
    for account in (ada, bob):
        assert all(one.earned_micros == 0 for one in months(account, "invite"))


def test_the_command_prints_every_account_and_no_formula(ada: Account) -> None:
    evil = shelf.newcomer("=cmd|calc", after=ada)
    guest = shelf.newcomer("guest", after=evil)
    shelf.code_of(ada)
    shelf.come(guest, shelf.code_of(evil))
    shelf.make_video(guest)
    shelf.look(guest)
    out = io.StringIO()

    call_command("earnings", "invite", "--sandbox", stdout=out)

    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [row["account"] for row in rows] == ["ada", "'=cmd|calc"]
    assert [row["referred"] for row in rows] == ["0", "1"]
    assert [row["granted"] for row in rows] == ["0", "10"]


@pytest.mark.parametrize("words", [["none"], ["invite", "--month", "soon"]])
def test_the_command_refuses_what_there_is_not(ada: Account, words: list[str]) -> None:
    shelf.code_of(ada)

    with pytest.raises(CommandError):
        call_command("earnings", *words, "--sandbox", stdout=io.StringIO())
