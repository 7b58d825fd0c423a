"""What was sent before is sent once more, one or many; and what is old is forgotten."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts import services as accounts
from billing.accounts.models import Account
from billing.outbox.models import Message
from billing.webhooks import services
from billing.webhooks.errors import EndpointDeleted, EndpointDisabled, TooMuchToReplay
from billing.webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event
from billing.webhooks.services import delivering, repeating
from tests.egress.receiver import Answer, Receiver
from tests.webhooks.rounds import answer_rings, happens, of, platform_endpoint, rung, work_off

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def endpoint(receiver: Receiver, now: datetime) -> Endpoint:
    """Return an endpoint of everybody's at the receiver, which has answered before."""
    return platform_endpoint(receiver.url, now=now)


@pytest.fixture
def bob(account: Account, now: datetime) -> Account:
    """Return another account."""
    return accounts.ensure_account("bob", zone="UTC", now=now)


def sequences(receiver: Receiver) -> list[int]:
    return [json.loads(received.body)["sequence"] for received in receiver.received]


def bury(*events: Event, at: datetime) -> None:
    """As if every attempt had failed, and none is to follow."""
    Message.objects.filter(rings=0).delete()
    Delivery.objects.filter(event__in=events).update(
        next_at=None,
        delivered_at=None,
        dead_at=at,
        attempts=10,
        last_trouble="status",
        waits_for="",
    )


@transaction.atomic
def retry(delivery: Delivery, *, now: datetime) -> Delivery:
    return services.retry(delivery, now=now)


@transaction.atomic
def replay(
    endpoint: Endpoint,
    *,
    since: datetime,
    until: datetime,
    types: Sequence[str] = (),
    only_dead: bool = False,
    now: datetime,
) -> int:
    return services.replay(
        endpoint, since=since, until=until, types=types, only_dead=only_dead, now=now
    )


def test_the_dead_can_be_sent_anew_with_all_attempts_and_all_that_was_answered_stays(
    endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    [event] = happens(account, now=now)
    receiver.answers = [Answer(500, body=b"no")]
    work_off(now=now)
    bury(event, at=now)

    retry(of(event, endpoint), now=now + HOUR)
    receiver.answers = [Answer(500, body=b"not yet"), Answer(200, body=b"yes")]
    work_off(now=now + HOUR)
    assert (of(event, endpoint).status, of(event, endpoint).tries) == ("pending", 1)
    work_off(now=now + HOUR + timedelta(seconds=6))

    delivery = of(event, endpoint)
    assert (delivery.status, delivery.attempts, delivery.tries) == ("delivered", 12, 2)
    log = DeliveryAttempt.objects.order_by("number")
    assert [(each.number, each.status, each.excerpt) for each in log] == [
        (1, 500, "no"),
        (11, 500, "not yet"),
        (12, 200, "yes"),
    ]
    assert {received.headers["webhook-id"] for received in receiver.received} == {event.pk}
    assert {received.body for received in receiver.received} == {event.payload}


def test_one_that_waits_is_tried_now_and_one_that_was_taken_is_told_again(
    endpoint: Endpoint, account: Account, bob: Account, receiver: Receiver, now: datetime
) -> None:
    taken, waits = happens(account, bob, now=now)
    receiver.answers = [Answer(204), Answer(500)]
    work_off(now=now)

    for event in (taken, waits):
        retry(of(event, endpoint), now=now)
    work_off(now=now)

    assert len(receiver.received) == 4
    assert [of(event, endpoint).status for event in (taken, waits)] == ["delivered", "delivered"]


def test_one_that_is_being_tried_at_this_moment_is_left_alone(
    endpoint: Endpoint, account: Account, now: datetime
) -> None:
    [event] = happens(account, now=now)
    attempt = delivering._take(of(event, endpoint).pk, now)
    assert attempt is not None
    answer_rings()

    retry(of(event, endpoint), now=now)

    assert rung() == []
    delivering._record(attempt, delivering._Outcome(""), now)
    assert of(event, endpoint).status == "delivered"


def test_a_late_word_of_a_former_life_changes_nothing(
    endpoint: Endpoint, account: Account, now: datetime
) -> None:
    [event] = happens(account, now=now)
    zombie = delivering._take(of(event, endpoint).pk, now)
    assert zombie is not None
    retry(of(event, endpoint), now=now + HOUR)
    later = delivering._take(of(event, endpoint).pk, now + HOUR)

    delivering._record(zombie, delivering._Outcome(""), now + HOUR)

    assert later is not None
    assert of(event, endpoint).status == "pending"
    assert of(event, endpoint).leased_until == now + HOUR + timedelta(seconds=25)


def test_what_is_sent_anew_stands_where_it_stood_before_all_later_events(
    endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    first, second = happens(account, account, now=now)
    bury(first, at=now)
    retry(of(first, endpoint), now=now)
    answer_rings()

    services.deliver(of(second, endpoint).pk, now=now)
    services.deliver(of(first, endpoint).pk, now=now)
    work_off(now=now)

    assert sequences(receiver) == [1, 2]


def test_a_stretch_of_time_is_sent_once_more_in_order(
    endpoint: Endpoint, account: Account, bob: Account, receiver: Receiver, now: datetime
) -> None:
    happens(account, now=now - HOUR)
    inside = happens(account, account, bob, account, now=now)
    happens(account, now=now + HOUR)
    work_off(now=now)
    receiver.received.clear()
    bury(inside[0], at=now)

    number = replay(endpoint, since=now, until=now + HOUR, now=now)
    work_off(now=now)

    assert number == 4
    told = [json.loads(received.body) for received in receiver.received]
    assert [each["sequence"] for each in told if each["account"] == "ada"] == [2, 3, 4]
    assert [each["sequence"] for each in told if each["account"] == "bob"] == [1]
    assert not Delivery.objects.exclude(attempts__gt=0).exists()
    assert all(of(event, endpoint).status == "delivered" for event in inside)


def test_only_what_was_given_up_is_sent_if_only_that_is_asked_for(
    endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    _taken, dead, _other = happens(account, account, account, now=now)
    work_off(now=now)
    bury(dead, at=now)
    receiver.received.clear()

    assert replay(endpoint, since=now, until=now + HOUR, only_dead=True, now=now) == 1
    work_off(now=now)

    assert sequences(receiver) == [2]


def test_what_it_was_never_told_of_is_sent_too(
    account: Account, receiver: Receiver, now: datetime
) -> None:
    missed = happens(account, account, now=now)
    late = platform_endpoint(receiver.url, now=now)

    assert replay(late, since=now, until=now + HOUR, now=now) == 2
    assert replay(late, since=now, until=now + HOUR, now=now) == 0  # it is on its way
    work_off(now=now)

    assert sequences(receiver) == [1, 2]
    assert all(of(event, late).status == "delivered" for event in missed)


def test_only_types_that_are_asked_for_and_that_it_wants_are_sent(
    account: Account, receiver: Receiver, now: datetime
) -> None:
    for kind in ("job.queued", "job.failed", "job.succeeded"):
        happens(account, now=now, type=kind)
    with transaction.atomic():
        wants = services.create_endpoint(
            account=None, url=receiver.url, events=["job.queued", "job.failed"], now=now
        )

    asked = ["job.failed", "job.succeeded"]
    assert replay(wants, since=now, until=now + HOUR, types=asked, now=now) == 1
    work_off(now=now)

    assert sequences(receiver) == [2]


def test_nobody_is_sent_another_s_events(
    account: Account, bob: Account, receiver: Receiver, now: datetime
) -> None:
    play = accounts.ensure_account("play", zone="UTC", is_sandbox=True, now=now)
    happens(account, bob, play, now=now)
    with transaction.atomic():
        hers = services.create_endpoint(account=account, url="https://example.com", now=now)
        played = services.create_endpoint(account=None, url=receiver.url, is_sandbox=True, now=now)

    assert replay(hers, since=now, until=now + HOUR, now=now) == 1
    assert replay(played, since=now, until=now + HOUR, now=now) == 1

    assert hers.deliveries.get().event.account == account
    assert played.deliveries.get().event.account == play


def test_tests_are_not_repeated(endpoint: Endpoint, receiver: Receiver, now: datetime) -> None:
    with transaction.atomic():
        services.send_test(endpoint, now=now)
    work_off(now=now)

    assert replay(endpoint, since=now, until=now + HOUR, now=now) == 0
    assert rung() == []


def test_too_much_at_once_is_refused_whole(
    endpoint: Endpoint, account: Account, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeating, "REPLAY_MAX", 2)
    events = happens(account, account, account, now=now)
    bury(*events, at=now)
    answer_rings()

    with pytest.raises(TooMuchToReplay):
        replay(endpoint, since=now, until=now + HOUR, now=now)

    assert rung() == []
    assert Delivery.objects.filter(dead_at=None).count() == 0


def test_nothing_is_sent_anew_to_who_is_switched_off(
    endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    [event] = happens(account, now=now)
    bury(event, at=now)
    with transaction.atomic():
        services.change_endpoint(endpoint, is_enabled=False, now=now)
    answer_rings()

    with pytest.raises(EndpointDisabled):
        retry(of(event, endpoint), now=now)
    with pytest.raises(EndpointDisabled):
        replay(endpoint, since=now, until=now + HOUR, now=now)

    assert (of(event, endpoint).status, rung()) == ("dead", [])


def test_switched_off_and_on_it_is_told_what_it_missed_by_a_replay(
    endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    on_its_way = happens(account, account, now=now)
    with transaction.atomic():
        services.change_endpoint(endpoint, is_enabled=False, now=now)
    happens(account, now=now)
    work_off(now=now)
    assert [of(each, endpoint).last_trouble for each in on_its_way] == ["disabled", "disabled"]
    assert receiver.received == []
    with transaction.atomic():
        services.change_endpoint(endpoint, is_enabled=True, now=now)

    assert replay(endpoint, since=now, until=now + HOUR, now=now) == 3
    work_off(now=now)

    assert sequences(receiver) == [1, 2, 3]


def test_a_deleted_endpoint_stays_deleted(endpoint: Endpoint, now: datetime) -> None:
    services.delete_endpoint(endpoint, now=now)

    with pytest.raises(EndpointDeleted):
        services.switch_by_hand(endpoint, is_enabled=True, operator="grace", now=now)

    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == "deleted"


def test_old_events_are_forgotten_with_all_that_was_sent_of_them(
    endpoint: Endpoint, account: Account, bob: Account, now: datetime, settings: Settings
) -> None:
    settings.WEBHOOK_EVENTS_KEPT_DAYS = 30
    old = happens(account, bob, now=now)
    [half_told] = happens(account, now=now, type="job.failed")
    [young] = happens(bob, now=now + timedelta(days=1))
    work_off(now=now)
    late = platform_endpoint("http://127.0.0.1:1999/", now=now)
    assert replay(late, since=now, until=now + HOUR, types=["job.failed"], now=now) == 1

    month = now + timedelta(days=30)
    assert services.prune(now=month) == 0
    assert services.prune(now=month + timedelta(seconds=1)) == 2
    assert services.prune(now=month + timedelta(seconds=1)) == 0

    assert set(Event.objects.values_list("pk", flat=True)) == {half_told.pk, young.pk}
    assert of(half_told, endpoint).status == "delivered"  # what is on its way keeps all of it
    assert of(half_told, late).status == "pending"
    assert not DeliveryAttempt.objects.filter(delivery__event__in=old).exists()
    assert not Delivery.objects.filter(event__in=old).exists()
    [next_one] = happens(account, now=now)
    assert next_one.sequence == 3  # numbers go on
