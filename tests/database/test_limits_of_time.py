"""Who waits for a lock too long is told to come again, and nothing has happened."""

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from billing.accounts.models import Account
from billing.http.models import IdempotentAnswer
from billing.jobs.models import Job
from billing.ledger.models import Entry, Hold
from tests import factories
from tests.jobs import shop

Ask = Callable[..., Any]
ORDER = {"model": "m", "seconds": 5, "inputs": {"prompt": "a kite"}}


@pytest.fixture
def stuck(transactional_db: None, ada: Account) -> Iterator[psycopg.Connection[Any]]:
    """Somebody holds the lock of Ada's wallet; a session of ours waits a tenth of a second."""
    shop.open_shop()
    factories.give(ada, 100)
    facts = connection.get_connection_params()
    facts = {k: facts[k] for k in ("host", "port", "dbname", "user", "password")}
    with psycopg.connect(**facts) as holder:
        holder.execute("SELECT 1 FROM billing_wallet FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        yield holder
    connection.close()


def counts() -> list[int]:
    return [model.objects.count() for model in (Job, Hold, Entry, IdempotentAnswer)]


def test_whoever_waits_over_wires_that_are_cut_is_let_go(db: None) -> None:
    connection.ensure_connection()
    assert connection.connection is not None

    with socket.socket(fileno=os.dup(connection.connection.pgconn.socket)) as wire:

        def said(option: int) -> int:
            return wire.getsockopt(socket.IPPROTO_TCP, option)

        probes = said(socket.TCP_KEEPINTVL) * said(socket.TCP_KEEPCNT)
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert said(socket.TCP_KEEPIDLE) + probes == 25
        assert said(socket.TCP_USER_TIMEOUT) == 25_000


def test_a_lock_that_is_held_for_long_is_503_and_nothing_has_moved(
    stuck: psycopg.Connection[Any], ask: Ask
) -> None:
    before = counts()

    answer = ask("post", "/v1/jobs", ORDER, key="once")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert counts() == before
    stuck.rollback()
    assert ask("post", "/v1/jobs", ORDER, key="once").status_code == 201
    assert counts() == [1, 1, before[2] + 1, 1]
