"""What attempts show of a backend is locked last, and only where there is something to write."""

from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection, transaction
from pytest_django import Settings

from billing.fleet import services
from billing.fleet.breaking import Sign
from billing.fleet.models import BackendState
from billing.gpu.protocol import State, Status
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Attempt
from billing.jobs.services import ending, hearing
from tests import factories
from tests.jobs import shop

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _backend(settings: Settings) -> None:
    """Configure a backend at which nobody answers."""
    away = {"kind": "cog", "url": "http://127.0.0.1:9", "secret": "x" * 16, "models": ["m"]}
    settings.BACKENDS = {"away": {**away, "concurrency": 3, "sandbox": True}}


def note(sign: Sign) -> None:
    services.note("away", model="m", attempt_id="at_1", sign=sign, now=NOW)


def is_free() -> bool:
    """Say whether another session could lock what is known of the backend."""
    own = connection.settings_dict
    names = {"user": own["USER"], "password": own["PASSWORD"], "dbname": own["NAME"]}
    ask = "SELECT FROM billing_backendstate WHERE name = 'away' FOR UPDATE NOWAIT"
    with psycopg.connect(host=own["HOST"], port=own["PORT"], **names) as another:
        try:
            another.execute(ask)
        except psycopg.errors.LockNotAvailable:
            return False
    return True


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("sign", "fulls", "slots", "free"),
    [
        (Sign.HEARD, 0, None, True),
        (Sign.HEARD, 0, 2, True),
        (Sign.HEARD, 1, 2, False),
        (Sign.MADE, 0, None, True),
        (Sign.MADE, 0, 2, False),
        (Sign.MADE, 1, None, False),
        (Sign.NOTHING, 1, 2, True),
    ],
)
def test_a_backend_is_locked_only_where_something_changes(
    sign: Sign,
    fulls: int,
    slots: int | None,
    free: bool,  # noqa: FBT001 (a row of a table)
) -> None:
    BackendState.objects.create(name="away", fulls=fulls, slots=slots)

    with transaction.atomic():
        note(sign)
        assert is_free() == free

    state = BackendState.objects.get()
    assert (state.fulls == 0) == (sign != Sign.NOTHING or fulls == 0)
    assert state.good_ends == (1 if sign == Sign.MADE and slots else 0)


@pytest.mark.django_db
def test_a_word_that_overtakes_the_answer_locks_the_account_before_the_backend() -> None:
    """A capture locks them in that order: the other way about, both would wait for each other."""
    shop.open_shop()
    ada = factories.new_account("ada", is_sandbox=True)
    factories.give(ada, 1000)
    job = shop.submit(ada)
    facts = {"lease_until": NOW, "check_at": NOW, "created_at": NOW}
    attempt = Attempt.objects.create(job=job, number=1, backend="away", **facts)
    with transaction.atomic():
        ending.move(ending.lock_job(job.pk), JobStatus.DISPATCHED)
    BackendState.objects.create(name="away", fulls=1)
    seen: list[str] = []

    def watch(execute: Callable[..., object], sql: str, *more: object) -> object:
        seen.append(sql)
        return execute(sql, *more)

    with connection.execute_wrapper(watch):
        hearing.apply_status(attempt.pk, Status(state=State.RUNNING), now=NOW)

    places = [
        next(place for place, sql in enumerate(seen) if table in sql)
        for table in ("billing_eventcounter", "billing_backendstate")
    ]
    assert places == sorted(places)
    assert BackendState.objects.get().fulls == 0


@pytest.mark.django_db(transaction=True)
def test_who_is_refused_leaves_the_session_what_it_has_planned() -> None:
    asked = {"model": "m", "attempt_id": "at_1", "now": NOW}

    def planned() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            [(count,)] = cursor.fetchall()
        return int(count)

    with transaction.atomic():
        for _time in range(3):
            services.admit("away", in_flight=lambda _name: 0, **asked)  # type: ignore[arg-type]  # a table of facts
        before = planned()
        full = services.admit("away", in_flight=lambda _name: 3, **asked)  # type: ignore[arg-type]  # as above
        after = planned()

    assert full == "at_capacity"
    assert before > 0
    assert after == before
