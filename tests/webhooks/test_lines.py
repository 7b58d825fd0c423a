"""An account's events reach an endpoint in order; who fails holds up nobody but himself."""

import json
from datetime import datetime, timedelta
from importlib import import_module

import pytest
from django.db import connection, transaction

from billing.accounts import services as accounts
from billing.accounts.models import Account
from billing.webhooks import services
from billing.webhooks.models import Delivery, Endpoint, Event
from billing.webhooks.services import delivering
from tests.egress.receiver import Answer, Receiver
from tests.webhooks.rounds import answer_rings, happens, of, platform_endpoint, rung, work_off

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bob(account: Account, now: datetime) -> Account:
    """Return another account."""
    return accounts.ensure_account("bob", zone="UTC", now=now)


@pytest.fixture
def endpoint(receiver: Receiver, now: datetime) -> Endpoint:
    """Return an endpoint of everybody's at the receiver, which has answered before."""
    return platform_endpoint(receiver.url, now=now)


def told(receiver: Receiver) -> list[tuple[str, int]]:
    """Return whose events arrived, and which: in the order in which they did."""
    bodies = [json.loads(received.body) for received in receiver.received]
    return [(body["account"], body["sequence"]) for body in bodies]


def test_the_next_goes_when_the_former_was_taken(
    endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    first, second, third = happens(account, account, account, now=now)
    answer_rings()

    services.deliver(of(third, endpoint).pk, now=now)
    services.deliver(of(second, endpoint).pk, now=now)

    assert receiver.received == []
    assert [of(each, endpoint).waits_for for each in (first, second, third)] == ["", "line", "line"]
    assert of(second, endpoint).attempts == 0
    assert rung() == []

    services.deliver(of(first, endpoint).pk, now=now)

    assert rung() == [of(second, endpoint).pk]
    work_off(now=now)
    assert told(receiver) == [("ada", 1), ("ada", 2), ("ada", 3)]


def test_who_was_published_while_the_former_was_called_waits_and_is_called_after_it(
    endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    [first] = happens(account, now=now)
    attempt = delivering._take(of(first, endpoint).pk, now)
    assert attempt is not None
    [second] = happens(account, now=now)
    answer_rings()

    services.deliver(of(second, endpoint).pk, now=now)
    assert receiver.received == []

    delivering._record(attempt, delivering._Outcome(""), now)
    assert rung() == [of(second, endpoint).pk]


def test_a_failing_event_holds_up_its_own_account_and_no_other(
    endpoint: Endpoint, account: Account, bob: Account, receiver: Receiver, now: datetime
) -> None:
    first, second, his = happens(account, account, bob, now=now)
    receiver.answers = [Answer(500)]

    work_off(now=now)

    assert told(receiver) == [("ada", 1), ("bob", 1)]
    assert of(his, endpoint).status == "delivered"
    assert [of(each, endpoint).status for each in (first, second)] == ["pending", "pending"]
    assert of(second, endpoint).attempts == 0

    work_off(now=now + timedelta(seconds=6))

    assert told(receiver) == [("ada", 1), ("bob", 1), ("ada", 1), ("ada", 2)]
    assert not Delivery.objects.exclude(delivered_at=None).filter(waits_for="line").exists()


def test_each_endpoint_has_lines_of_its_own(
    endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    with Receiver() as other:
        failing = platform_endpoint(other.url, now=now)
        other.answers = [Answer(500)] * 9
        happens(account, account, account, now=now)

        work_off(now=now)

        assert told(receiver) == [("ada", 1), ("ada", 2), ("ada", 3)]
        assert told(other) == [("ada", 1)]
        assert failing.deliveries.filter(delivered_at=None).count() == 3


def test_the_dead_let_the_next_go(
    endpoint: Endpoint, account: Account, bob: Account, receiver: Receiver, now: datetime
) -> None:
    poison, after = happens(account, account, now=now)
    answer_rings()
    services.deliver(of(after, endpoint).pk, now=now)
    [his] = happens(bob, now=now)
    # The message is what ails it: meanwhile another account's is taken.
    receiver.answers = [Answer(400), Answer(204), *[Answer(400)] * 9]
    services.deliver(of(poison, endpoint).pk, now=now)
    services.deliver(of(his, endpoint).pk, now=now + timedelta(seconds=1))
    assert of(after, endpoint).attempts == 0

    end = _fail_to_the_end(poison, endpoint, now)
    work_off(now=end)

    assert of(poison, endpoint).attempts == 10
    assert of(after, endpoint).status == "delivered"
    endpoint.refresh_from_db()
    assert endpoint.disabled_at is None
    assert not Event.objects.filter(type="webhook.disabled").exists()


def test_a_test_stands_in_no_line(
    endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    receiver.answers = [Answer(500)]
    happens(account, account, now=now)
    work_off(now=now)
    with transaction.atomic():
        test = services.send_test(endpoint, now=now)

    work_off(now=now)

    test.refresh_from_db()
    assert test.status == "delivered"
    assert [kind for _who, kind in told(receiver)] == [1, None]


def _fail_to_the_end(event: Event, endpoint: Endpoint, now: datetime) -> datetime:
    """Have every attempt at the event made; return when it was given up."""
    delivery = of(event, endpoint)
    while delivery.next_at is not None:
        services.deliver(delivery.pk, now=max(delivery.next_at, now))
        delivery.refresh_from_db()
    assert delivery.dead_at is not None
    return delivery.dead_at


def test_who_takes_nothing_for_three_days_is_switched_off_and_its_owner_told(
    account: Account, receiver: Receiver, now: datetime
) -> None:
    silent = platform_endpoint(receiver.url, now=now)
    with transaction.atomic():
        hers = services.create_endpoint(account=account, url="https://hooks.example.com", now=now)
    Endpoint.objects.filter(pk=silent.pk).update(account=account)
    # Of an account's own no private network is called: each attempt fails by its address.
    first, second, third = happens(account, account, account, now=now)
    answer_rings()
    for behind in (third, second):
        services.deliver(of(behind, silent).pk, now=now)

    end = _fail_to_the_end(first, silent, now)

    silent.refresh_from_db()
    assert (silent.disabled_reason, silent.disabled_at) == ("failing", end)
    [alarm] = Event.objects.filter(type="webhook.disabled")
    assert json.loads(alarm.payload)["data"] == {"endpoint": silent.pk, "reason": "failing"}
    assert [each.endpoint_id for each in alarm.deliveries.all()] == [hers.pk]
    Delivery.objects.filter(endpoint=hers).delete()
    work_off(now=end)
    for each in (second, third):
        untried = of(each, silent)
        assert (untried.status, untried.last_trouble, untried.attempts) == ("dead", "disabled", 0)
    assert receiver.received == []


def test_the_sweep_calls_the_first_in_a_line_and_leaves_those_behind_it(
    endpoint: Endpoint, account: Account, now: datetime
) -> None:
    first, second = happens(account, account, now=now)
    answer_rings()
    services.deliver(of(second, endpoint).pk, now=now)

    assert services.sweep(now=now + timedelta(minutes=11)) == 1

    assert rung() == [of(first, endpoint).pk]


def test_one_that_everybody_forgot_in_its_line_is_found_after_an_hour(
    endpoint: Endpoint, account: Account, now: datetime
) -> None:
    first, second = happens(account, account, now=now)
    services.deliver(of(second, endpoint).pk, now=now)
    Delivery.objects.filter(event=first).update(
        next_at=None, delivered_at=now, waits_for="", last_trouble=""
    )
    answer_rings()

    assert services.sweep(now=now + timedelta(minutes=59)) == 0
    assert services.sweep(now=now + timedelta(minutes=61)) == 1

    work_off(now=now + timedelta(minutes=61))
    assert of(second, endpoint).status == "delivered"


def test_what_was_sent_by_the_former_release_stands_in_line_after_the_migration(
    endpoint: Endpoint, account: Account, now: datetime
) -> None:
    first, second = happens(account, account, now=now)
    with transaction.atomic():
        test = services.send_test(endpoint, now=now)
    Delivery.objects.update(account=None, sequence=None)

    with connection.cursor() as cursor:
        cursor.execute(import_module("billing.migrations.0043_webhooks_in_lines").IN_LINE)

    places = [
        (of(each, endpoint).account_id, of(each, endpoint).sequence) for each in (first, second)
    ]
    assert places == [(account.pk, 1), (account.pk, 2)]
    test.refresh_from_db()
    assert test.sequence is None
    answer_rings()
    services.deliver(of(second, endpoint).pk, now=now)
    assert (of(first, endpoint).attempts, of(second, endpoint).waits_for) == (0, "line")


def test_who_took_something_before_the_migration_is_not_switched_off_by_one_failure(
    account: Account, bob: Account, receiver: Receiver, now: datetime
) -> None:
    """The former release wrote down when each was delivered, and nothing of the endpoint."""
    ours = platform_endpoint(receiver.url, now=now)
    [taken] = happens(account, now=now)
    answer_rings()
    services.deliver(of(taken, ours).pk, now=now)
    Endpoint.objects.update(took_at=None, url="https://127.0.0.9:1/")
    with connection.cursor() as cursor:
        cursor.execute(import_module("billing.migrations.0043_webhooks_in_lines").TOOK)

    earlier = now - timedelta(hours=1)
    [poison] = happens(bob, now=earlier)
    answer_rings()
    _fail_to_the_end(poison, ours, earlier)

    ours.refresh_from_db()
    assert ours.disabled_reason == ""
