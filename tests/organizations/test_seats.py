"""Seats: how many are sold, who takes them, and what each of them brings."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing.accounts.members import Organization
from billing.ledger import selectors as ledger
from billing.organizations import services
from billing.organizations.errors import NoSeatLeft
from billing.subscriptions import services as subscriptions
from billing.subscriptions.errors import FewerSeatsThanMembers, SeatsOutOfRange
from billing.subscriptions.models import Subscription
from tests import factories
from tests.organizations import studio
from tests.organizations.conftest import Ask


def _sell(team: Organization, seats: int | None) -> Subscription:
    return subscriptions.start(account=team.account, plan="team", seats=seats)


def _counted(team: Organization) -> int:
    wallet = factories.wallet_of(team.account)
    [videos] = ledger.balance(wallet, as_of=None).counted
    return videos.limit_micros // 1_000_000


def test_each_seat_brings_its_credits_and_units(team: Organization) -> None:
    sold = _sell(team, 5)

    assert (sold.seats, studio.credits_of(team.account), _counted(team)) == (5, 500, 10)
    factories.later(team.account, timedelta(days=32))
    assert studio.credits_of(team.account) == 500
    studio.checked()


def test_more_seats_bring_the_difference_at_once_and_each_window_only_once(
    team: Organization,
) -> None:
    _sell(team, 4)

    assert (_sell(team, 6).seats, studio.credits_of(team.account)) == (6, 600)
    _sell(team, 3)
    assert (studio.credits_of(team.account), _counted(team)) == (600, 6)
    _sell(team, 6)
    _sell(team, 6)
    assert studio.credits_of(team.account) == 600
    assert Subscription.objects.filter(account=team.account).count() == 1
    studio.checked()


def test_fewer_seats_count_from_the_next_window_on(team: Organization) -> None:
    _sell(team, 6)
    _sell(team, 3)

    factories.later(team.account, timedelta(days=32))

    assert studio.credits_of(team.account) == 300


@pytest.mark.parametrize("seats", [2, 21])
def test_a_plan_is_sold_for_so_many_seats_only(team: Organization, seats: int) -> None:
    before = studio.facts()

    with pytest.raises(SeatsOutOfRange):
        _sell(team, seats)
    with pytest.raises(SeatsOutOfRange):
        subscriptions.start(account=studio.member(team, "cleo").account, plan="team", seats=3)
    assert studio.facts() == before


def test_as_many_members_as_seats_and_no_fewer_seats_than_members(team: Organization) -> None:
    _sell(team, 4)
    studio.join(team, "dan")
    before = studio.facts()

    with pytest.raises(NoSeatLeft):
        studio.join(team, "eve")
    with pytest.raises(FewerSeatsThanMembers) as refused:
        _sell(team, 3)
    assert refused.value.facts["remove"] == 1
    invited = studio.member(team, "eve")
    assert studio.facts()[-2] == [*before[-2], (invited.pk, "member", "invited")]  # type: ignore[misc]  # a list of rows

    services.remove(team, studio.member(team, "dan").pk, actor=studio.OPERATOR)
    assert studio.join_invited(invited).is_active
    studio.checked()


def test_a_subscription_that_has_ended_by_itself_limits_nobody(team: Organization) -> None:
    ends_at = factories.later(team.account, timedelta(0)) + timedelta(days=2)
    subscriptions.start(account=team.account, plan="team", seats=3, ends_at=ends_at)
    invited = studio.invite(team, "dan")

    factories.later(team.account, timedelta(days=3))

    assert studio.join_invited(invited).is_active
    studio.checked()


def test_nothing_free_is_foretold_for_when_its_subscription_ends(
    team: Organization, ask: Ask
) -> None:
    ends_at = factories.later(team.account, timedelta(0)) + timedelta(days=40)
    subscriptions.start(account=team.account, plan="team", seats=3, ends_at=ends_at)
    then = (ends_at + timedelta(days=60)).isoformat().replace("+", "%2B")

    told = ask("ada", "get", f"/v1/balance?as_of={then}", team=team).json()

    assert (told["available"], told["next_grant"]) == ("0", None)


def test_without_a_word_there_are_seats_for_all_who_are_there(team: Organization) -> None:
    studio.join(team, "dan")

    assert _sell(team, None).seats == 4


def test_an_operator_sells_seats_at_the_command_line(team: Organization) -> None:
    said = StringIO()

    call_command("subscribe", team.pk, "team", "--sandbox", "--seats", "5", stdout=said)

    sold = Subscription.objects.get(pk=said.getvalue().strip())
    assert (sold.account, sold.seats) == (team.account, 5)
    with pytest.raises(CommandError, match="3"):
        call_command("subscribe", team.pk, "team", "--sandbox", "--seats", "2", stdout=said)
