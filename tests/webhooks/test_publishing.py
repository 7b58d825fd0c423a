"""What is told to whom, and that it is told if and only if it happened."""

import json
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from pytest_django import Settings

from billing.accounts import services as accounts
from billing.accounts.models import Account
from billing.outbox.models import Message
from billing.webhooks import services, signing
from billing.webhooks.errors import EndpointDisabled, TooManyEndpoints, UrlRefused
from billing.webhooks.models import Delivery, Endpoint, Event, EventCounter

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/linggan"


def endpoint(account: Account | None, *events: str, now: datetime, **more: Any) -> Endpoint:  # noqa: ANN401 (passed on)
    with transaction.atomic():
        return services.create_endpoint(
            account=account, url=more.pop("url", URL), events=events, now=now, **more
        )


def publish(account: Account, event_type: str = "job.succeeded", *, now: datetime) -> Event:
    with transaction.atomic():
        return services.publish(account=account, type=event_type, data={"job": "job_1"}, now=now)


def told(event: Event) -> set[str]:
    return set(Delivery.objects.filter(event=event).values_list("endpoint_id", flat=True))


def test_an_event_is_numbered_and_worded_once_and_for_all(account: Account, now: datetime) -> None:
    noon = datetime.fromisoformat("2026-11-23T12:00:00.25+08:00")
    first, second = publish(account, now=noon), publish(account, "credits.low", now=now)

    assert (first.sequence, second.sequence) == (1, 2)
    first.refresh_from_db()
    assert json.loads(first.payload) == {
        "id": first.pk,
        "type": "job.succeeded",
        "timestamp": "2026-11-23T04:00:00.250000Z",
        "account": "ada",
        "sequence": 1,
        "data": {"job": "job_1"},
    }


def test_an_event_and_its_deliveries_happen_together_or_not_at_all(
    account: Account, now: datetime
) -> None:
    endpoint(account, now=now)
    with suppress(ZeroDivisionError), transaction.atomic():
        services.publish(account=account, type="job.queued", data={}, now=now)
        assert (Event.objects.count(), Delivery.objects.count(), Message.objects.count()) == (
            1,
        ) * 3
        raise ZeroDivisionError

    assert not Event.objects.exists()
    assert not Delivery.objects.exists()
    assert not Message.objects.exists()
    assert publish(account, now=now).sequence == 1, "a number that was rolled back is given again"


@pytest.mark.django_db(transaction=True)
def test_publishing_outside_a_transaction_is_a_mistake(account: Account, now: datetime) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"):
        services.publish(account=account, type="job.queued", data={}, now=now)

    assert not EventCounter.objects.exists()


@pytest.mark.parametrize("event_type", ["job.exploded", "", "webhook.test"])
def test_an_event_of_no_known_type_is_a_mistake(
    account: Account, now: datetime, event_type: str
) -> None:
    with pytest.raises((ValueError, AssertionError)):
        publish(account, event_type, now=now)

    assert not Event.objects.exists()


def test_only_those_are_told_whom_it_concerns(account: Account, now: datetime) -> None:
    bob = accounts.ensure_account("bob", zone="UTC", now=now)
    play = accounts.ensure_account("play", zone="UTC", is_sandbox=True, now=now)
    all_of_ada = endpoint(account, now=now)
    jobs_of_ada = endpoint(account, "job.succeeded", "job.failed", now=now)
    of_bob = endpoint(bob, now=now)
    of_all = endpoint(None, now=now)
    of_all_in_sandbox = endpoint(None, is_sandbox=True, now=now)
    services.delete_endpoint(endpoint(account, now=now), now=now)

    assert told(publish(account, now=now)) == {all_of_ada.pk, jobs_of_ada.pk, of_all.pk}
    assert told(publish(account, "credits.low", now=now)) == {all_of_ada.pk, of_all.pk}
    assert told(publish(bob, now=now)) == {of_bob.pk, of_all.pk}
    assert told(publish(play, now=now)) == {of_all_in_sandbox.pk}


def test_each_delivery_has_a_message_that_carries_its_id_alone(
    account: Account, now: datetime
) -> None:
    endpoint(account, now=now)
    event = publish(account, now=now)

    delivery, message = Delivery.objects.get(event=event), Message.objects.get()
    assert (message.task, message.queue) == ("webhooks.deliver", "deliver")
    assert message.arguments == {"delivery_id": delivery.pk}
    assert (delivery.status, delivery.attempts, delivery.next_at) == ("pending", 0, now)


def test_a_test_goes_to_one_endpoint_and_takes_no_number(account: Account, now: datetime) -> None:
    mine, other = endpoint(account, "job.failed", now=now), endpoint(account, now=now)
    everybodys = endpoint(None, now=now)

    for each in (mine, everybodys):
        with transaction.atomic():
            delivery = services.send_test(each, now=now)
        assert told(delivery.event) == {each.pk}
        assert (delivery.event.type, delivery.event.sequence) == ("webhook.test", None)

    assert other.deliveries.count() == 0
    assert publish(account, now=now).sequence == 1


def test_a_deleted_endpoint_takes_no_test(account: Account, now: datetime) -> None:
    gone = endpoint(account, now=now)
    services.delete_endpoint(gone, now=now)
    services.delete_endpoint(gone, now=now + timedelta(hours=1))
    gone.refresh_from_db()

    with pytest.raises(EndpointDisabled), transaction.atomic():
        services.send_test(gone, now=now)

    assert (gone.disabled_at, gone.disabled_reason) == (now, "deleted")
    assert not Delivery.objects.exists()


def test_a_secret_is_stored_sealed_and_rotates_with_a_days_overlap(
    account: Account, now: datetime
) -> None:
    made = endpoint(account, now=now)
    first = signing.unseal(made.secret_sealed)

    with transaction.atomic():
        rotated = services.rotate_secret(made, now=now)

    made.refresh_from_db()
    assert made.secret_sealed == rotated.secret_sealed
    assert signing.unseal(made.secret_sealed) != first
    assert signing.unseal(made.previous_secret_sealed) == first
    assert made.previous_until == now + timedelta(days=1)


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.1/", "https://user@x.com/", "https://0x7f.1/", "http://8.8.8.8/", "mailto:x"],
)
def test_an_address_that_would_not_be_called_is_refused(
    account: Account, now: datetime, url: str
) -> None:
    with pytest.raises(UrlRefused) as refused:
        endpoint(account, now=now, url=url)

    assert refused.value.facts["errors"] == [
        {"pointer": "/url", "code": "url_refused", "detail": refused.value.message}
    ]
    assert not Endpoint.objects.exists()


def test_plain_http_is_refused_where_no_network_is_opened(
    account: Account, now: datetime, settings: Settings
) -> None:
    assert endpoint(None, now=now, url="http://receiver:9000/").pk
    with pytest.raises(UrlRefused, match="https"):
        endpoint(account, now=now, url="http://receiver:9000/")
    settings.WEBHOOK_ALLOWED_CIDRS = []
    with pytest.raises(UrlRefused, match="https"):
        endpoint(None, now=now, url="http://receiver:9000/")

    assert Endpoint.objects.count() == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "https://127.0.0.1:9000/"])
def test_a_user_names_no_address_that_is_open_to_the_platform(
    account: Account, now: datetime, url: str
) -> None:
    with pytest.raises(UrlRefused):
        endpoint(account, now=now, url=url)

    assert not Endpoint.objects.exists()
    assert endpoint(None, now=now, url=url).pk


def test_an_account_has_ten_endpoints_at_most(account: Account, now: datetime) -> None:
    made = [endpoint(account, now=now) for _each in range(10)]

    with pytest.raises(TooManyEndpoints):
        endpoint(account, now=now)

    services.delete_endpoint(made[0], now=now)
    assert endpoint(account, now=now).pk


@pytest.mark.parametrize(
    ("model", "wrong", "constraint"),
    [
        (Endpoint, {"disabled_reason": "gone"}, "endpoint_disabled_for_a_reason"),
        (Endpoint, {"secret_sealed": "whsec_bare"}, "endpoint_secrets_are_sealed"),
        (Endpoint, {"previous_secret_sealed": "sealed:x"}, "endpoint_old_secret_has_an_end"),
        (Endpoint, {"url": "file:///etc/passwd"}, "endpoint_url_is_http"),
        (Delivery, {"next_at": None}, "delivery_open_delivered_or_dead"),
        (Delivery, {"last_trouble": "status", "next_at": None}, "delivery_open_delivered_or_dead"),
    ],
)
def test_the_database_refuses_a_half_state(
    account: Account, now: datetime, model: type[Model], wrong: dict[str, object], constraint: str
) -> None:
    endpoint(account, now=now)
    publish(account, now=now)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        model._default_manager.update(**wrong)


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"sequence": None}, "event_is_counted_unless_a_test"),
        ({"sequence": 0}, "event_is_counted_unless_a_test"),
        ({"type": "webhook.test"}, "event_is_counted_unless_a_test"),
        ({"account": None}, "event_is_counted_unless_a_test"),
        ({"payload": ""}, "event_says_something"),
        ({"type": ""}, "event_says_something"),
    ],
)
def test_the_database_refuses_an_event_that_makes_no_sense(
    account: Account, now: datetime, wrong: dict[str, Any], constraint: str
) -> None:
    right: dict[str, Any] = {
        "account": account,
        "sequence": 1,
        "type": "job.failed",
        "payload": "{}",
        "created_at": now,
    }

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Event.objects.create(**{**right, **wrong})


def test_what_was_told_stays_as_it_was_told(account: Account, now: datetime) -> None:
    event = publish(account, now=now)

    for wrong in ({"payload": "{}"}, {"type": "job.failed"}, {"sequence": 7}):
        with pytest.raises(IntegrityError, match="event_never_changes"), transaction.atomic():
            Event.objects.filter(pk=event.pk).update(**wrong)


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gaps_when_many_publish_at_once(account: Account, now: datetime) -> None:
    def work() -> None:
        try:
            for number in range(10):
                with suppress(ZeroDivisionError), transaction.atomic():
                    services.publish(account=account, type="job.queued", data={}, now=now)
                    if number % 3 == 0:
                        raise ZeroDivisionError
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _each in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    sequences = list(Event.objects.order_by("sequence").values_list("sequence", flat=True))
    assert sequences == list(range(1, 37))
