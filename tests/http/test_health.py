import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from pytest_django import Settings

from billing.http import health, probing
from billing.http.health import HEARTBEAT_KEY
from billing.http.probing import Question

pytestmark = pytest.mark.urls("tests.http.probes")
Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def _heartbeat(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(probing, "ANSWER_SECONDS", 30)  # how quick it is asks tests/deploying
    cache.set(HEARTBEAT_KEY, int(time.time()))
    yield
    cache.delete(HEARTBEAT_KEY)
    cache.close()


def test_liveness_asks_nobody(get: Ask, settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"

    answer = get("/healthz")  # without the database mark: touching it would fail

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_a_whole_service_is_ready(get: Ask) -> None:
    answer = get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "broker": "ok", "worker": "ok"},
    }


@pytest.mark.django_db
@pytest.mark.parametrize("age_seconds", [31, None])
def test_without_a_worker_it_is_not_ready(age_seconds: int | None, get: Ask) -> None:
    if age_seconds is None:
        cache.delete(HEARTBEAT_KEY)
    else:
        cache.set(HEARTBEAT_KEY, int(time.time()) - age_seconds)

    answer = get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    whole = {"database": "ok", "migrations": "ok", "broker": "ok"}
    assert answer.json()["checks"] == {**whole, "worker": "failing"}
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.django_db
def test_a_database_that_takes_no_writes_is_not_there() -> None:
    assert health.database_facts()["database"]
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")

    assert not health.database_facts()["database"]


@pytest.mark.django_db
def test_who_is_not_ready_tells_of_it_once_and_not_as_a_defect(
    get: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    cache.delete(HEARTBEAT_KEY)

    with caplog.at_level("INFO"):
        get("/readyz")

    told = [(r.name, r.levelname) for r in caplog.records if "503" in str(r.__dict__)]
    assert told == [("billing.http.requests", "INFO")]


@pytest.mark.django_db
def test_who_only_takes_requests_is_ready_without_a_worker(get: Ask) -> None:
    cache.delete(HEARTBEAT_KEY)

    answer = get("/readyz?without=worker")

    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok", "broker": "ok"}


@pytest.mark.django_db
def test_who_only_takes_requests_is_ready_without_redis(get: Ask, settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"

    answer = get("/readyz?without=redis")

    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok"}


def test_what_is_asked_while_it_is_asked_is_asked_once_and_then_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    goes_on = threading.Event()

    def ask() -> int:
        asked.append(len(asked))
        goes_on.wait(10)
        return len(asked)

    question = Question("slow", ask)
    monkeypatch.setattr(probing, "ANSWER_SECONDS", 0.1)
    with pytest.raises(TimeoutError):
        question.put().heard()
    monkeypatch.setattr(probing, "ANSWER_SECONDS", 30)
    second = question.put()
    goes_on.set()

    assert second.heard() == 1
    assert question.put().heard() == 2
    assert asked == [0, 1]


@pytest.mark.django_db
def test_without_a_broker_it_is_not_ready(get: Ask, settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"

    assert get("/readyz").json()["checks"]["broker"] == "failing"
