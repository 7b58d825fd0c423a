import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from pytest_django import Settings

from billing.http.health import HEARTBEAT_KEY

pytestmark = pytest.mark.urls("tests.http.probes")
Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def _heartbeat() -> Iterator[None]:
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
        "checks": {"database": "ok", "broker": "ok", "worker": "ok"},
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
    assert answer.json()["checks"] == {"database": "ok", "broker": "ok", "worker": "failing"}
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.django_db
def test_with_a_database_that_takes_no_writes_it_is_not_ready(get: Ask) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")

    answer = get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "failing"


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
def test_without_a_broker_it_is_not_ready(get: Ask, settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"

    assert get("/readyz").json()["checks"]["broker"] == "failing"
