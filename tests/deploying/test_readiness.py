"""`/readyz` of the real process, with each of the things that it needs really taken away."""

import os
import signal
import time

import pytest
from django.db.migrations.loader import MigrationLoader

from config.embedded.processes import free_port
from tests.deploying.conftest import Place, ask, command_of_the_image, until

pytestmark = pytest.mark.django_db  # it is what is copied
_WHOLE = {"database": "ok", "migrations": "ok", "broker": "ok", "worker": "ok"}


@pytest.fixture(scope="module")
def web(place: Place) -> int:
    """The port of a web process, as the image starts it, on a standby that nobody promoted."""
    port = free_port()
    place.run("web", command_of_the_image(port))
    until(lambda: ask(port, "/healthz")[0] == 200)
    return port


def _checks(port: int) -> dict[str, str]:
    status, said = ask(port, "/readyz")
    assert (status == 200) == (set(said["checks"].values()) == {"ok"})
    return dict(said["checks"])


def _took(port: int) -> float:
    began = time.monotonic()
    _checks(port)
    return time.monotonic() - began


# In the order in which they stand: the standby is promoted by the second.
def test_a_standby_is_not_ready(place: Place, web: int) -> None:
    place.beat()

    until(lambda: _checks(web) == {**_WHOLE, "database": "failing"}, seconds=10)


def test_a_primary_is_ready_without_a_restart(place: Place, web: int) -> None:
    place.postgres.promote()
    place.beat()

    until(lambda: _checks(web) == _WHOLE, seconds=10)


def test_a_database_that_takes_no_writes_any_more_is_not_ready(place: Place, web: int) -> None:
    place.beat()
    place.postgres.tell(
        "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
    )
    until(lambda: _checks(web)["database"] == "failing", seconds=5)
    place.postgres.tell(
        "SET default_transaction_read_only = off",
        "ALTER SYSTEM RESET default_transaction_read_only",
        "SELECT pg_reload_conf()",
    )

    until(lambda: _checks(web) == _WHOLE, seconds=5)


def test_who_lacks_a_migration_is_not_ready_and_who_is_behind_it_is_warned(
    place: Place, web: int
) -> None:
    place.beat()
    database = place.environment["DATABASE_URL"].rpartition("/")[2]
    last = MigrationLoader(None).graph.leaf_nodes("billing")[0][1]
    rename = "UPDATE django_migrations SET name = '{}' WHERE app = 'billing' AND name = '{}'"
    place.postgres.tell(rename.format("9999_of_tomorrow", last), database=database)
    until(lambda: _checks(web) == {**_WHOLE, "migrations": "failing"}, seconds=10)

    place.postgres.tell(
        rename.format(last, "9999_of_tomorrow"),
        "INSERT INTO django_migrations (app, name, applied)"
        " VALUES ('billing', '9999_of_tomorrow', now())",
        database=database,
    )
    status, said = ask(web, "/readyz")
    place.postgres.tell(
        "DELETE FROM django_migrations WHERE name = '9999_of_tomorrow'", database=database
    )

    assert (status, said["warnings"]) == (200, ["migrations_newer"])


def test_without_a_worker_it_is_not_ready_but_for_who_asks_without(place: Place, web: int) -> None:
    place.forget_the_worker()

    until(lambda: _checks(web) == {**_WHOLE, "worker": "failing"}, seconds=10)
    assert ask(web, "/readyz?without=worker")[0] == 200


def test_a_database_that_hangs_is_told_within_a_second_and_not_remembered(
    place: Place, web: int
) -> None:
    place.beat()
    _checks(web)
    os.killpg(place.postgres.process.pid, signal.SIGSTOP)
    try:
        took = [_took(web) for _probe in range(3)]
        checks = _checks(web)
        alive = ask(web, "/healthz", seconds=1)[0]
    finally:
        os.killpg(place.postgres.process.pid, signal.SIGCONT)

    assert checks == {**_WHOLE, "database": "failing", "migrations": "failing"}
    assert alive == 200
    assert min(took) < 1, took  # the machine has other work, too
    until(lambda: _checks(web) == _WHOLE, seconds=5)


def test_a_broker_that_hangs_is_told_within_a_second(place: Place, web: int) -> None:
    os.killpg(place.valkey.process.pid, signal.SIGSTOP)
    try:
        took = [_took(web) for _probe in range(3)]
        checks = _checks(web)
    finally:
        os.killpg(place.valkey.process.pid, signal.SIGCONT)

    assert checks == {**_WHOLE, "broker": "failing", "worker": "failing"}
    assert min(took) < 1, took  # the machine has other work, too
    place.beat()
    until(lambda: _checks(web) == _WHOLE, seconds=5)


def test_servers_that_are_gone_are_told_at_once_and_found_when_they_are_back(
    place: Place, web: int
) -> None:
    place.postgres.stop()
    place.valkey.stop()
    gone = _checks(web)
    alive = ask(web, "/healthz", seconds=1)[0]
    place.start()
    place.beat()

    assert (set(gone.values()), alive) == ({"failing"}, 200)
    until(lambda: _checks(web) == _WHOLE, seconds=5)
