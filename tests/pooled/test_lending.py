"""That the pooler is there and lends for one transaction: what the other tests here rely on."""

from contextlib import ExitStack

import psycopg
import pytest
from django.conf import settings
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)
_CLIENTS = 60
_SESSIONS_MAX = 25  # default_pool_size and reserve_pool_size of docs/operations/pgbouncer.ini


def _client(options: str = "") -> psycopg.Connection[tuple[object, ...]]:
    """Return a client that comes the way the service does."""
    given = settings.DATABASES["default"]
    return psycopg.connect(
        host=given["HOST"],
        port=given["PORT"],
        user=given["USER"],
        password=given["PASSWORD"],
        dbname=connection.settings_dict["NAME"],
        options=options,
        autocommit=True,
    )


def test_more_clients_than_sessions_are_all_answered() -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(_client()) for _number in range(_CLIENTS)]
        backends = {client.execute("SELECT pg_backend_pid()").fetchone() for client in clients}

    assert len(backends) <= _SESSIONS_MAX


def test_what_one_client_keeps_in_a_session_another_finds_there() -> None:
    # The control: it is why nothing of ours keeps anything in a session.
    with _client() as first, _client() as second:
        first.execute("SET lock_timeout = '1234ms'")
        found = second.execute("SHOW lock_timeout").fetchone()
        second.execute("RESET lock_timeout")

    assert found == ("1234ms",)


def test_who_asks_for_options_of_a_session_is_told_so() -> None:
    with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter"):
        _client(options="-c lock_timeout=4s")


def test_the_service_asks_for_none_and_speaks_utc() -> None:
    given = settings.DATABASES["default"]["OPTIONS"]

    with connection.cursor() as cursor:
        cursor.execute("SHOW TimeZone")
        zone = cursor.fetchone()

    assert (given["options"], zone) == ("", ("UTC",))
