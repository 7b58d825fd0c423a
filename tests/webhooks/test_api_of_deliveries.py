"""Deliveries over REST: looked at with their log, sent anew one by one or by a stretch of time."""

import json
from datetime import datetime

import pytest

from billing.webhooks.models import Delivery, DeliveryAttempt
from tests.http.cast import Ask, _static_files, ada, bob, catalog, get, post
from tests.webhooks.calling import PATH, TODAY, Headers, made, publish

__all__ = ["_static_files", "ada", "bob", "catalog", "get", "post"]
pytestmark = pytest.mark.django_db


def test_a_delivery_shows_its_body_and_what_was_answered(
    post: Ask, get: Ask, ada: Headers, bob: Headers, now: datetime
) -> None:
    endpoint_id = made(post, ada)["id"]
    publish("job.failed", now=now)
    delivery = Delivery.objects.get()
    begun = "2026-11-26T12:00:00Z"
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=1,
        begun_at=begun,
        took_ms=41,
        status=500,
        trouble="status",
        excerpt="<no>",
    )
    path = f"{PATH}/{endpoint_id}/deliveries/{delivery.pk}"

    told = get(path, ada).json()

    assert told["body"] == delivery.event.payload
    assert json.loads(told["body"])["data"] == {"n": "<1>"}
    assert told["log"] == [
        {
            "number": 1,
            "begun_at": begun,
            "took_ms": 41,
            "status": 500,
            "trouble": "status",
            "excerpt": "<no>",
        }
    ]
    [listed] = get(f"{PATH}/{endpoint_id}/deliveries", ada).json()["data"]
    assert {name: told[name] for name in listed} == listed
    other = made(post, ada)["id"]
    for absent in (path + "x", path.replace(endpoint_id, other)):
        assert get(absent, ada).status_code == 404
        assert post(f"{absent}/retry", ada).status_code == 404
    assert get(path, bob).status_code == 404
    assert post(f"{path}/retry", bob).status_code == 404


def test_a_retry_under_a_key_is_one(post: Ask, ada: Headers, now: datetime) -> None:
    endpoint_id = made(post, ada)["id"]
    publish("job.failed", now=now)
    Delivery.objects.update(next_at=None, dead_at=now, last_trouble="status", attempts=10)
    path = f"{PATH}/{endpoint_id}/deliveries/{Delivery.objects.get().pk}/retry"

    first = post(path, ada, key="k-1")
    Delivery.objects.update(next_at=None, dead_at=now)
    again = post(path, ada, key="k-1")

    assert (first.status_code, first.json()["status"]) == (202, "pending")
    assert (again.status_code, again.content) == (202, first.content)
    assert Delivery.objects.get().status == "dead"


def test_a_stretch_of_time_is_replayed(post: Ask, ada: Headers, now: datetime) -> None:
    endpoint_id = made(post, ada)["id"]
    publish("job.failed", "job.queued", now=now)
    Delivery.objects.update(next_at=None, dead_at=now, last_trouble="status")

    body = {**TODAY, "types": ["job.queued"], "only_dead": True}
    answers = [post(f"{PATH}/{endpoint_id}/replay", ada, key="k", body=body) for _ in range(2)]

    assert [(each.status_code, each.json()) for each in answers] == [(202, {"replayed": 1})] * 2
    assert [each.event.type for each in Delivery.objects.filter(dead_at=None)] == ["job.queued"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"from": "yesterday"}, "/from"),
        ({"to": "2026-11-26T12:00:00"}, "/to"),
        ({"types": ["webhook.exploded"]}, "/types/0"),
        ({"only_dead": "maybe"}, "/only_dead"),
        ({"since": "2026-11-26T12:00:00Z"}, "/since"),
    ],
)
def test_a_wrong_replay_is_refused_whole(
    post: Ask, ada: Headers, now: datetime, change: dict[str, object], pointer: str
) -> None:
    endpoint_id = made(post, ada)["id"]
    publish("job.failed", now=now)
    Delivery.objects.update(next_at=None, dead_at=now, last_trouble="status")

    answer = post(f"{PATH}/{endpoint_id}/replay", ada, body={**TODAY, **change})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert Delivery.objects.get().status == "dead"
