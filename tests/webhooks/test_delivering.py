"""Deliveries to a receiver that really listens: told at least once, bounded, in the end dead."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from pytest_django import Settings
from standardwebhooks import Webhook

from billing import egress
from billing.accounts.models import Account
from billing.egress import Reply
from billing.outbox import services as outbox
from billing.outbox.models import Message
from billing.webhooks import services, signing
from billing.webhooks.models import Delivery, Endpoint
from billing.webhooks.services import delivering
from config.celery import app
from tests.egress.receiver import Answer, Receiver
from tests.outbox.cast import Broker, StartWorker, Until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def endpoint(account: Account, receiver: Receiver, now: datetime) -> Endpoint:
    """Return an endpoint of the platform's at the receiver: only it may be on the loopback."""
    with transaction.atomic():
        return services.create_endpoint(account=None, url=receiver.url, now=now)


@pytest.fixture
def delivery(endpoint: Endpoint, account: Account, now: datetime) -> Delivery:
    """Return the delivery of an event to that endpoint."""
    with transaction.atomic():
        services.publish(account=account, type="job.succeeded", data={"job": "灵感"}, now=now)
    return endpoint.deliveries.get()


def attempt(delivery: Delivery, *, now: datetime) -> None:
    services.deliver(delivery.pk, now=now)
    delivery.refresh_from_db()


def attempt_until_closed(delivery: Delivery) -> None:
    while delivery.next_at is not None:
        attempt(delivery, now=delivery.next_at)


def test_a_message_is_signed_so_that_the_standards_library_believes_it(
    delivery: Delivery, endpoint: Endpoint, receiver: Receiver, now: datetime
) -> None:
    receiver.answers.append(Answer(200, body=b"taken \x00\xff"))

    attempt(delivery, now=now)

    [received] = receiver.received
    secret = signing.unseal(endpoint.secret_sealed)
    told = Webhook(secret).verify(received.body, received.headers)
    assert told["data"] == {"job": "灵感"}
    assert received.body == delivery.event.payload
    assert received.headers["webhook-id"] == delivery.event_id == told["id"]
    assert received.headers["Content-Type"] == "application/json"
    assert (delivery.status, delivery.delivered_at, delivery.attempts) == ("delivered", now, 1)
    assert (delivery.last_status, delivery.last_trouble) == (200, "")
    assert delivery.last_excerpt == "taken ��"


def test_a_delivered_message_is_not_sent_again(
    delivery: Delivery, receiver: Receiver, now: datetime
) -> None:
    for _ring in range(5):
        attempt(delivery, now=now)

    assert len(receiver.received) == 1


def test_a_failure_is_tried_again_later_with_the_same_words_and_id(
    delivery: Delivery, receiver: Receiver, now: datetime
) -> None:
    receiver.answers.append(Answer(500, body=b"x" * 900))

    attempt(delivery, now=now)

    assert (delivery.status, delivery.last_status, delivery.last_trouble) == (
        "pending",
        500,
        "status",
    )
    assert delivery.last_excerpt == "x" * 500
    assert delivery.next_at is not None
    assert timedelta(seconds=4.5) <= delivery.next_at - now <= timedelta(seconds=5.5)
    later = Message.objects.get(rings=0)
    assert (later.ring_at, later.arguments) == (delivery.next_at, {"delivery_id": delivery.pk})

    attempt(delivery, now=delivery.next_at)

    assert delivery.status == "delivered"
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
def test_ten_failures_over_three_days_are_the_end(
    delivery: Delivery, receiver: Receiver, now: datetime, status: int
) -> None:
    receiver.answers = [Answer(status, headers={"Location": receiver.url})] * 20

    attempt_until_closed(delivery)

    assert len(receiver.received) == 10
    assert (delivery.status, delivery.attempts, delivery.last_status) == ("dead", 10, status)
    assert delivery.dead_at is not None
    assert timedelta(days=2.7) < delivery.dead_at - now < timedelta(days=3.6)
    attempt(delivery, now=now + timedelta(days=30))
    assert len(receiver.received) == 10


def test_gone_ends_the_delivery_and_the_endpoint(
    delivery: Delivery, endpoint: Endpoint, account: Account, receiver: Receiver, now: datetime
) -> None:
    with transaction.atomic():
        services.publish(account=account, type="job.failed", data={}, now=now)
    waiting = endpoint.deliveries.exclude(pk=delivery.pk).get()
    receiver.answers.append(Answer(410))

    attempt(delivery, now=now)
    attempt(waiting, now=now)

    endpoint.refresh_from_db()
    assert (endpoint.disabled_at, endpoint.disabled_reason) == (now, "gone")
    assert (delivery.status, delivery.last_status) == ("dead", 410)
    assert (waiting.status, waiting.last_trouble, waiting.attempts) == ("dead", "disabled", 0)
    assert len(receiver.received) == 1
    with transaction.atomic():
        services.publish(account=account, type="job.failed", data={}, now=now)
    assert endpoint.deliveries.count() == 2


def test_an_address_that_is_closed_after_all_is_not_called(
    delivery: Delivery, receiver: Receiver, now: datetime, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOWED_CIDRS = []

    attempt(delivery, now=now)

    assert (delivery.status, delivery.last_trouble) == ("pending", "address")
    assert receiver.received == []


def test_a_user_reaches_no_network_that_is_open_to_the_platform(
    account: Account, receiver: Receiver, now: datetime
) -> None:
    with transaction.atomic():
        # A name says nothing of where it leads; a user could have it lead here.
        url = f"https://localhost:{receiver.port}/hooks"
        hers = services.create_endpoint(account=account, url=url, now=now)
        services.publish(account=account, type="job.succeeded", data={}, now=now)
    delivery = hers.deliveries.get()

    attempt(delivery, now=now)

    assert (delivery.status, delivery.last_trouble) == ("pending", "address")
    assert (delivery.last_status, delivery.last_excerpt) == (None, "")
    assert receiver.received == []


def test_a_secret_that_cannot_be_read_sends_nothing_unsigned(
    delivery: Delivery, receiver: Receiver, now: datetime, settings: Settings
) -> None:
    settings.SECRET_KEY = "another " * 8

    attempt_until_closed(delivery)

    assert (delivery.status, delivery.last_trouble) == ("dead", "secret")
    assert receiver.received == []


def test_both_secrets_sign_while_they_rotate_and_the_new_one_alone_after_it(
    delivery: Delivery, endpoint: Endpoint, receiver: Receiver, now: datetime
) -> None:
    old = signing.unseal(endpoint.secret_sealed)
    with transaction.atomic():
        new = signing.unseal(services.rotate_secret(endpoint, now=now).secret_sealed)
    receiver.answers.append(Answer(500))

    attempt(delivery, now=now)
    Delivery.objects.update(next_at=now + timedelta(days=1))
    attempt(delivery, now=now + timedelta(days=1))

    during, after = receiver.received
    for secret in (old, new):
        assert Webhook(secret).verify(during.body, during.headers)
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    assert len(after.headers["webhook-signature"].split(" ")) == 1


def test_an_attempt_in_another_workers_hands_is_left_to_it(
    delivery: Delivery, receiver: Receiver, now: datetime
) -> None:
    assert delivering._take(delivery.pk, now) is not None

    with pytest.raises(services.DeliveryBusy):
        services.deliver(delivery.pk, now=now + timedelta(seconds=24))
    assert receiver.received == []

    attempt(delivery, now=now + timedelta(seconds=25))
    assert (delivery.status, delivery.attempts) == ("delivered", 2)


def test_a_worker_that_was_thought_dead_writes_nothing_over_a_later_attempt(
    delivery: Delivery, now: datetime
) -> None:
    slow = delivering._take(delivery.pk, now)
    assert slow is not None
    attempt(delivery, now=now + timedelta(seconds=30))

    delivering._record(slow, delivering._Outcome("timeout"), now + timedelta(seconds=31))

    delivery.refresh_from_db()
    assert (delivery.status, delivery.last_trouble, delivery.attempts) == ("delivered", "", 2)


def test_a_ring_before_its_time_changes_nothing(
    delivery: Delivery, receiver: Receiver, now: datetime
) -> None:
    receiver.answers.append(Answer(500))
    attempt(delivery, now=now)
    Delivery.objects.update(next_at=now + timedelta(hours=1))

    attempt(delivery, now=now + timedelta(minutes=59))

    assert (len(receiver.received), delivery.attempts) == (1, 1)


def test_a_first_attempt_is_made_whatever_the_clocks_of_two_machines_say(
    delivery: Delivery, receiver: Receiver, now: datetime
) -> None:
    attempt(delivery, now=now - timedelta(minutes=3))

    assert delivery.status == "delivered"


def test_attempts_that_end_their_worker_are_counted_too(
    delivery: Delivery, receiver: Receiver, now: datetime
) -> None:
    moment = now
    for _killed in range(10):
        assert delivering._take(delivery.pk, moment) is not None
        moment += timedelta(seconds=30)

    attempt(delivery, now=moment)

    assert (delivery.status, delivery.last_trouble, delivery.attempts) == ("dead", "lost", 10)
    assert receiver.received == []


def test_a_delivery_whose_message_died_is_found_by_the_sweep(
    delivery: Delivery, now: datetime
) -> None:
    Message.objects.update(ring_at=None, dead_at=now, error="lost")
    later = now + timedelta(minutes=10)

    assert services.sweep(now=later - timedelta(seconds=1)) == 0
    assert services.sweep(now=later) == 1
    assert services.sweep(now=later) == 0

    [message] = Message.objects.filter(dead_at=None)
    assert message.arguments == {"delivery_id": delivery.pk}


def test_nothing_is_sent_while_a_transaction_is_open(
    delivery: Delivery, receiver: Receiver, now: datetime
) -> None:
    with pytest.raises(RuntimeError, match="outside any transaction"), transaction.atomic():
        services.deliver(delivery.pk, now=now)

    assert receiver.received == []


def test_an_absent_delivery_is_nothing_to_do(now: datetime) -> None:
    services.deliver("whd_absent", now=now)

    assert not Delivery.objects.exists()


def test_no_rows_are_locked_while_a_receiver_thinks(
    delivery: Delivery, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def think(*_what: object, **_how: object) -> Reply:
        with transaction.atomic():
            assert Delivery.objects.select_for_update(nowait=True).get().attempts == 1
        return Reply(200, b"")

    monkeypatch.setattr(egress, "post", think)

    attempt(delivery, now=now)

    assert delivery.status == "delivered"


def test_what_is_published_arrives_through_a_real_worker(
    endpoint: Endpoint, account: Account, receiver: Receiver, worker: StartWorker, until: Until
) -> None:
    receiver.answers = [Answer(503)]

    with worker():
        with transaction.atomic():
            for number in range(5):
                services.publish(
                    account=account, type="job.queued", data={"n": number}, now=datetime.now(UTC)
                )

        def all_arrived() -> bool:
            outbox.ring_due(now=datetime.now(UTC))
            return endpoint.deliveries.exclude(delivered_at=None).count() == 5

        until(all_arrived, seconds=30)

    sequences = [json.loads(each.body)["sequence"] for each in receiver.received]
    assert len(sequences) == 6
    assert set(sequences) == {1, 2, 3, 4, 5}


def test_events_survive_a_broker_that_forgets(
    delivery: Delivery, receiver: Receiver, broker: Broker, worker: StartWorker, until: Until
) -> None:
    broker.forget_everything()

    with worker():
        app.send_task("outbox.ring_due", queue="dispatch")
        until(lambda: Delivery.objects.filter(delivered_at__isnull=False).exists())

    assert len(receiver.received) == 1
