"""What members do at once happens as if one after the other; without the lock it would race."""

from collections.abc import Callable
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership, Organization
from billing.accounts.models import Account
from billing.accounts.roles import Role
from billing.jobs.errors import CeilingReached
from billing.jobs.models import Job
from billing.jobs.services import limits
from billing.ledger import services as ledger
from billing.ledger import statements
from billing.ledger.errors import InsufficientCredits
from billing.ledger.models import Transfer
from billing.organizations import services
from billing.organizations.errors import LastOwner, NoSeatLeft
from billing.organizations.services import joining
from billing.subscriptions import services as subscriptions
from plans.credits import MICROS
from tests import factories
from tests.http.racing import at_once
from tests.organizations import studio


@pytest.fixture
def team(transactional_db: None, _away: None) -> Organization:
    """The studio, committed; only its pool pays."""
    studio.open_shop(team='team = { pays = ["pool"] }')
    team = studio.found()
    factories.settle(team.account)
    return team


def _count(results: list[Any], kind: type | tuple[type, ...]) -> int:
    return sum(isinstance(one, kind) for one in results)


def _together(number: int, act: Callable[..., Any]) -> Callable[..., Any]:
    """Return `act`, which waits until so many have come that far: all of them have read by then."""
    everyone_has_read = Barrier(number)

    def wait_and_act(*facts: Any, **named: Any) -> Any:  # noqa: ANN401 (passed on as they are)
        try:
            everyone_has_read.wait(timeout=10)
        except BrokenBarrierError:
            pytest.fail("they did not all get past the lock: nothing raced")
        return act(*facts, **named)

    return wait_and_act


def _unlock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(statements, "LOCK", statements.LOCK.replace("FOR UPDATE", ""))


def test_a_hundred_orders_below_a_ceiling_for_one_make_one(team: Organization) -> None:
    factories.give(team.account, 1000)
    studio.ceiling(team, "cleo", 7)

    results = at_once(100, lambda _place: studio.submit(team, "cleo", 5))

    # On a busy machine some give up waiting for the lock; none of them gets through.
    assert _count(results, Job) == 1
    assert _count(results, (CeilingReached, OperationalError)) == 99
    assert studio.credits_of(team.account) == 995
    studio.checked()


def test_control_without_the_lock_only_the_database_keeps_the_ceiling(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.give(team.account, 1000)
    factories.settle(studio.ceiling(team, "cleo", 7).account)  # two cannot open one wallet at once
    _unlock(monkeypatch)
    judged = _together(4, limits.Limits.barriers)
    monkeypatch.setattr(limits.Limits, "barriers", judged)

    results = at_once(4, lambda _place: studio.submit(team, "cleo", 5))

    assert (_count(results, Job), _count(results, IntegrityError)) == (1, 3)
    studio.checked()


def test_a_hundred_transfers_of_what_is_there_for_one_make_one(team: Organization) -> None:
    cleo = studio.member(team, "cleo").account
    factories.give(cleo, 7, source="pack")
    factories.new_account("dan")

    results = at_once(100, lambda place: studio.transfer(cleo, "dan", 5, fact=f"race:{place}"))

    assert _count(results, Transfer) == 1
    assert _count(results, (InsufficientCredits, OperationalError)) == 99
    studio.checked()


def test_credits_sent_both_ways_at_once_meet_no_deadlock(team: Organization) -> None:
    cleo, ben = (studio.member(team, name).account for name in ("cleo", "ben"))
    for account in (cleo, ben):
        factories.give(account, 50, source="pack")

    def send(place: int) -> Transfer:
        sender, to = (cleo, "ben") if place % 2 else (ben, "cleo")
        return studio.transfer(sender, to, 2, fact=f"race:{place}")

    results = at_once(40, send)

    assert _count(results, Transfer) == 40
    assert studio.credits_of(cleo) == studio.credits_of(ben) == 60
    studio.checked()


def test_control_without_the_lock_only_the_database_stops_a_second_transfer(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleo = studio.member(team, "cleo").account
    factories.give(cleo, 7, source="pack")
    for place in range(3):
        factories.settle(factories.new_account(f"dan{place}"))
    _unlock(monkeypatch)
    monkeypatch.setattr(ledger, "transfer", _together(3, ledger.transfer))

    results = at_once(3, lambda one: studio.transfer(cleo, f"dan{one}", 5, fact=f"race:{one}"))

    assert (_count(results, Transfer), _count(results, IntegrityError)) == (1, 2)
    assert factories.free_micros(cleo) == 12 * MICROS
    studio.checked()


def test_two_who_accept_the_last_seat_at_once_get_one(team: Organization) -> None:
    subscriptions.start(account=team.account, plan="team", seats=4)
    invited = [studio.invite(team, name) for name in ("dan", "eve")]

    results = at_once(2, lambda place: studio.join_invited(invited[place]))

    assert (_count(results, Membership), _count(results, NoSeatLeft)) == (1, 1)
    studio.checked()


def test_control_without_the_lock_only_the_database_keeps_the_last_seat(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriptions.start(account=team.account, plan="team", seats=4)
    invited = [studio.invite(team, name) for name in ("dan", "eve")]
    _unlock(monkeypatch)
    counted = accounts.members_of
    both_have_counted = Barrier(2)

    def count(account: Account) -> int:
        found = counted(account)
        both_have_counted.wait(timeout=10)
        return found

    monkeypatch.setattr(accounts, "members_of", count)

    results = at_once(2, lambda place: studio.join_invited(invited[place]))

    assert (_count(results, Membership), _count(results, IntegrityError)) == (1, 1)
    studio.checked()


def test_two_last_owners_who_step_down_at_once_leave_one(team: Organization) -> None:
    owners = _two_owners(team)

    results = at_once(2, lambda place: _step_down(team, owners[place]))

    assert (_count(results, Membership), _count(results, LastOwner)) == (1, 1)
    studio.checked()


def test_control_without_the_lock_only_the_database_keeps_an_owner(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = _two_owners(team)
    _unlock(monkeypatch)
    judged = joining._require_another_owner
    both_were_let_through = Barrier(2)

    def judge(*facts: Any, **named: Any) -> None:  # noqa: ANN401 (passed on as they are)
        judged(*facts, **named)
        both_were_let_through.wait(timeout=10)

    monkeypatch.setattr(joining, "_require_another_owner", judge)

    results = at_once(2, lambda place: _step_down(team, owners[place]))

    assert (_count(results, Membership), _count(results, IntegrityError)) == (1, 1)
    studio.checked()


def _two_owners(team: Organization) -> list[Membership]:
    ben = studio.member(team, "ben")
    services.change_member(team, ben.pk, role=Role.OWNER, actor=studio.OPERATOR)
    return [studio.member(team, name) for name in ("ada", "ben")]


def _step_down(team: Organization, owner: Membership) -> Membership:
    return services.change_member(team, owner.pk, role=Role.MEMBER, actor=studio.OPERATOR)
