"""One world for a whole file of tests: made once, in a transaction that is undone at the end."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import override_settings
from pytest_django import DjangoDbBlocker

from billing.outbox import gateway
from tests.matrix import world as worlds
from tests.matrix.world import BACKEND, World

_BACKEND = {
    "kind": "cog",
    "url": "http://127.0.0.1:9",
    "secret": "a-secret-that-guards-nothing",
    "models": ["m"],
    "concurrency": 1000,
}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Return the world of this file; whatever a test does to it in a `cell` is undone."""
    backends = {BACKEND: {**_BACKEND, "sandbox": True}, "far": _BACKEND}
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    patch = pytest.MonkeyPatch()
    patch.setattr(gateway, "nudge", lambda _ring: None)
    with (
        django_db_blocker.unblock(),
        override_settings(
            BACKENDS=backends,
            EVENTS_URL="https://events.example",
            STORAGES={**settings.STORAGES, "staticfiles": plain},
        ),
        worlds.cell(),
    ):
        _see_nobody_elses_commits()
        _wait_for_slow_machines()
        yield worlds.make()
    patch.undo()


def _see_nobody_elses_commits() -> None:
    """Let what a thread of an earlier test still writes not count as moved by a refusal."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _wait_for_slow_machines() -> None:
    """Let no limit of time end the one transaction in which all of this happens."""
    with connection.cursor() as cursor:
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
            cursor.execute(f"SET LOCAL {limit} = 0")
