"""What is asked for every order is prepared once a session, and a session that fails is no trap."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from plans import selectors as plans
from tests import factories

GUARDS = (
    "billing_allocation_takes_live_credit",
    "billing_entry_continues",
    "billing_hold_adds_up",
    "billing_wallet_follows_its_entries",
    "billing_wallet_is_balanced",
)


@pytest.fixture
def another(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """A session of somebody else, to whom everything is allowed."""
    factories.publish_kling()
    own = connection.settings_dict
    names = {"user": own["USER"], "password": own["PASSWORD"], "dbname": own["NAME"]}
    with psycopg.connect(host=own["HOST"], port=own["PORT"], **names) as session:
        yield session
    connection.close()


def test_a_time_out_leaves_no_session_that_knows_what_the_database_does_not(
    another: psycopg.Connection[Any],
) -> None:
    version = plans.current().version_id
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    another.execute("LOCK TABLE plans_publication")

    for _time in range(3):  # it is prepared when it is asked for the second time
        with pytest.raises(OperationalError):
            plans.current()
    another.rollback()

    assert [plans.current().version_id for _time in range(3)] == [version] * 3


def test_a_session_that_the_server_has_ended_is_replaced_before_it_is_asked(
    another: psycopg.Connection[Any],
) -> None:
    version = plans.current().version_id
    assert connection.connection is not None
    pid = connection.connection.info.backend_pid
    another.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    connection.close_if_unusable_or_obsolete()  # as at the beginning of each request

    assert plans.current().version_id == version


@pytest.mark.django_db
@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_looks_up_by_keys_whatever_the_statistics_say(guard: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig FROM pg_proc WHERE proname = %s", [guard])
        [(ways,)] = cursor.fetchall()

    assert sorted(ways) == ["enable_hashjoin=off", "enable_mergejoin=off", "enable_seqscan=off"]
