"""Many decide at once: one decision counts, no day is overrun; without the locks it races."""

from threading import Barrier, BrokenBarrierError

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from billing.accounts.models import Account
from billing.corrections import services
from billing.corrections.errors import DayCapReached, Decided
from billing.corrections.models import Adjustment, Compensation, CompensationShare, OperatorDay
from billing.corrections.services import adjusting, counting
from billing.ledger.models import Entry, Grant
from billing.outbox import gateway
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.corrections.conftest import operator
from tests.http.racing import at_once
from tests.jobs import shop

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 20


@pytest.fixture
def ada(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Ada has an open wallet of a customer, and no worker is called."""
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    desk.open_shop()
    account = factories.new_account("ada", is_sandbox=False)
    factories.settle(account)
    return account


@pytest.fixture
def team(ada: Account) -> list[User]:
    """So many operators; the first one asks, the others decide."""
    return [operator(f"operator-{place}") for place in range(MANY + 1)]


def test_an_adjustment_is_approved_once_however_many_approve_it(
    ada: Account, team: list[User]
) -> None:
    asked = desk.ask(ada, 50, team[0])

    results = at_once(MANY, lambda place: desk.approve(asked, team[place + 1]))

    assert sum(isinstance(one, Adjustment) for one in results) == 1
    assert sum(isinstance(one, Decided) for one in results) == MANY - 1
    assert factories.free_micros(ada) == 50 * MICROS
    assert sum(OperatorDay.objects.values_list("used_micros", flat=True)) == 100 * MICROS


def test_control_without_the_requests_lock_only_the_database_stops_the_second(
    ada: Account, team: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = desk.ask(ada, 50, team[0])
    everyone_has_read = Barrier(4)

    def read(**which: str) -> Adjustment:
        found = Adjustment.objects.select_related("account", "requester").get(**which)
        try:
            everyone_has_read.wait(timeout=10)
        except BrokenBarrierError:
            pytest.fail("they did not all read: nothing raced")
        return found

    monkeypatch.setattr(adjusting, "_lock", read)

    results = at_once(4, lambda place: desk.approve(asked, team[place + 1]))

    assert sum(isinstance(one, Adjustment) for one in results) == 1
    assert sum(isinstance(one, IntegrityError) for one in results) == 3
    assert Grant.objects.count() == Entry.objects.count() == 1


def test_approved_and_refused_at_once_it_is_one_of_the_two(ada: Account, team: list[User]) -> None:
    asked = desk.ask(ada, 50, team[0])

    def decide(place: int) -> object:
        if place % 2:
            return desk.approve(asked, team[place + 1])
        return services.refuse_adjustment(
            adjustment_id=asked.pk, approver=team[place + 1], now=desk.now()
        )

    results = at_once(8, decide)

    assert sum(isinstance(one, Decided) for one in results) == 7
    asked.refresh_from_db()
    moved = 50 * MICROS if asked.state == "executed" else 0
    assert factories.free_micros(ada) == moved


def test_a_day_is_not_overrun_by_approvals_at_once(ada: Account, team: list[User]) -> None:
    """Ten requests of 200 by one person: his day has room for five, whoever approves them."""
    people = [factories.new_account(f"bob-{place}", is_sandbox=False) for place in range(10)]
    asked = [desk.ask(one, 200, team[0]) for one in people]

    results = at_once(10, lambda place: desk.approve(asked[place], team[place + 1]))

    assert sum(isinstance(one, Adjustment) for one in results) == 5
    assert sum(isinstance(one, DayCapReached) for one in results) == 5
    assert OperatorDay.objects.get(operator=team[0]).used_micros == 1000 * MICROS
    assert Grant.objects.count() == 5


def test_control_without_the_days_lock_only_the_database_keeps_the_cap(
    ada: Account, team: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [factories.new_account(f"bob-{place}", is_sandbox=False) for place in range(5)]
    for one in people:
        factories.settle(one)
    desk.approve(desk.ask(ada, 400, team[0]), team[1])
    asked = [desk.ask(one, 500, team[0]) for one in people[:4]]
    everyone_has_read = Barrier(4)

    def count(day: OperatorDay, amount_micros: int) -> None:
        if day.operator != team[0]:
            return
        counted = OperatorDay.objects.get(operator=day.operator)
        try:
            everyone_has_read.wait(timeout=10)
        except BrokenBarrierError:
            pytest.fail("they did not all read: nothing raced")
        counted.used_micros += amount_micros
        assert counted.used_micros <= day.max_micros, "each of them believes that there is room"
        counted.save(update_fields=["used_micros"])

    monkeypatch.setattr(counting, "_count", count)

    results = at_once(4, lambda place: desk.approve(asked[place], team[place + 1]))

    assert sum(isinstance(one, IntegrityError) for one in results) == 4
    assert Grant.objects.count() == 1
    assert OperatorDay.objects.get(operator=team[0]).used_micros == 400 * MICROS


def test_a_key_asks_once_however_many_ask(ada: Account, team: list[User]) -> None:
    results = at_once(MANY, lambda _place: desk.ask(ada, 50, team[0], key="k"))

    assert all(isinstance(one, Adjustment) for one in results), results
    assert Adjustment.objects.count() == 1


@pytest.fixture
def incident(ada: Account, team: list[User], backend: None) -> Compensation:
    """Ten people have had a video each, and wait to be compensated for it."""
    for place in range(10):
        one = factories.new_account(f"bob-{place}", is_sandbox=False)
        factories.give(one, 10)
        shop.finish(shop.submit(one, seconds=5))
    return desk.claim(team[0], desk.chosen())


def test_an_incident_is_asked_for_once_however_many_ask(
    incident: Compensation, team: list[User]
) -> None:
    selection = desk.chosen()
    digest = desk.look(selection).digest

    results = at_once(
        8, lambda place: desk.claim(team[place], selection, key="outage-8", digest=digest)
    )

    assert all(isinstance(one, Compensation) for one in results), results
    assert Compensation.objects.filter(key="outage-8").count() == 1
    assert CompensationShare.objects.filter(compensation__key="outage-8").count() == 10


def test_a_compensation_is_approved_once_and_carried_out_by_many_at_once(
    incident: Compensation, team: list[User]
) -> None:
    results = at_once(8, lambda place: desk.agree(incident, team[place + 1]))
    assert sum(isinstance(one, Compensation) for one in results) == 1
    assert sum(isinstance(one, Decided) for one in results) == 7

    given = at_once(
        8, lambda _place: services.carry_out(compensation_id=incident.pk, now=desk.now())
    )
    while services.carry_out(compensation_id=incident.pk, now=desk.now()):
        pass

    assert not any(isinstance(one, Exception) for one in given), given
    incident.refresh_from_db()
    assert incident.state == "done"
    assert Grant.objects.filter(source="goodwill", fact__startswith="compensation:").count() == 10
