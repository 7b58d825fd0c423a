"""Reports are read from a real standby, say as of when, and never decide about money."""

import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, InternalError, connection, connections, transaction
from django.test import Client
from psycopg.errors import ReadOnlySqlTransaction
from pytest_django import Settings

from billing import replica
from billing.accounts.models import Account
from billing.alerts import services as alerts
from billing.alerts.models import Inspection
from billing.alerts.rules import RuleCode
from billing.http import health
from billing.insights import audit
from billing.outbox import services as outbox
from tests import factories
from tests.deploying.conftest import Place, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def standby(place: Place) -> Iterator[Place]:
    """The settings name a standby of this very database."""
    own = connection.settings_dict
    there = {**own, "HOST": "127.0.0.1", "PORT": place.postgres.port}
    connections.settings[replica.ALIAS] = there
    connections[replica.ALIAS].alias = DEFAULT_DB_ALIAS  # the tests' guard knows no other
    yield place
    connections[replica.ALIAS].close()
    del connections.settings[replica.ALIAS]
    del connections[replica.ALIAS]


def _names() -> set[str]:
    return set(Account.objects.values_list("external_id", flat=True))


def _reported(*words: str) -> tuple[str, str]:
    """Return what a command says, and what it says beside it."""
    out, beside = io.StringIO(), io.StringIO()
    call_command(*words, stdout=out, stderr=beside)
    return out.getvalue(), beside.getvalue()


def _caught_up() -> None:
    def has_it() -> bool:
        with replica.reading() as where:  # the primary's, as long as nothing was replayed
            return where.as_of is not None and "ada" in _names()

    until(has_it, seconds=10)


def test_what_is_written_on_the_primary_is_reported_from_the_standby(standby: Place) -> None:
    factories.publish_kling()
    factories.give(factories.new_account("ada"), 5)
    _caught_up()

    with replica.reading() as where, connection.cursor() as cursor:
        cursor.execute("SELECT inet_server_port(), pg_is_in_recovery()")
        found = cursor.fetchone()
    out, beside = _reported("audit", "--json")

    assert found == (standby.postgres.port, True)
    assert where.as_of is not None
    assert json.loads(out)["breaches"] == []
    assert re.fullmatch(r"Read from the replica, as of [-0-9: ]+ UTC \(\d+ s ago\)\.\n", beside)
    assert _reported("audit", "--json", "--primary")[1] == ""
    for words in [("reconcile",), ("margin",), ("revenue", "--month", "2026-10")]:
        assert "Read from the replica" in _reported(*words)[1], words


def test_a_standby_that_lags_says_how_old_its_report_is(standby: Place) -> None:
    factories.publish_kling()
    factories.new_account("ada")
    _caught_up()
    standby.postgres.tell("SELECT pg_wal_replay_pause()")
    try:
        until(
            lambda: standby.postgres.ask("SELECT pg_get_wal_replay_pause_state()") == "paused",
            seconds=10,
        )
        before = datetime.now(UTC)
        factories.new_account("bob")
        with replica.reading() as where:
            found = _names()
        on_the_primary = _names()
    finally:
        standby.postgres.tell("SELECT pg_wal_replay_resume()")

    assert (found, on_the_primary) == ({"ada"}, {"ada", "bob"})
    assert where.as_of is not None
    assert where.as_of < before


def test_a_standby_that_is_an_hour_behind_is_warned_of() -> None:
    assert not replica.Reading(datetime.now(UTC), age_seconds=60).is_behind
    assert replica.Reading(datetime.now(UTC), age_seconds=61).is_behind


def test_an_audit_of_the_past_says_nothing_to_the_alerts_of_now(
    standby: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.publish_kling()
    factories.new_account("ada")
    _caught_up()
    alerts.inspected(RuleCode.INVARIANT_BROKEN, lines=["I1"], now=datetime.now(UTC))
    long_ago = replica.Reading(datetime.now(UTC), age_seconds=61)
    monkeypatch.setattr(replica, "look", lambda: long_ago)

    with pytest.raises(CommandError) as refusal:
        _reported("audit")

    assert refusal.value.returncode == 2
    assert Inspection.objects.get().found == 1


def test_the_heartbeat_makes_a_quiet_primary_no_older(standby: Place) -> None:
    outbox.beat_heart(now=datetime.now(UTC))
    first = replica.look().as_of
    assert first is not None

    outbox.beat_heart(now=datetime.now(UTC))

    until(lambda: (replica.look().as_of or first) > first, seconds=10)


def test_a_write_in_a_report_is_refused_by_the_database(standby: Place) -> None:
    factories.publish_kling()
    factories.new_account("ada")
    _caught_up()

    with replica.reading(), pytest.raises(InternalError) as refused:
        factories.new_account("eve")

    assert isinstance(refused.value.__cause__, ReadOnlySqlTransaction)
    assert _names() == {"ada"}
    factories.new_account("eve")  # the next block is the primary's again
    assert _names() == {"ada", "eve"}


def test_a_report_that_fails_leaves_the_primary_in_its_place(standby: Place) -> None:
    primary = connections[DEFAULT_DB_ALIAS]

    with pytest.raises(ZeroDivisionError), replica.reading():
        _ = 1 / 0

    assert connections[DEFAULT_DB_ALIAS] is primary


def test_no_report_is_begun_where_something_is_being_decided(standby: Place) -> None:
    with (
        transaction.atomic(),
        pytest.raises(RuntimeError, match="outside any transaction"),
        replica.reading(),
    ):
        pass


def test_the_dashboard_says_as_of_when_it_was_read(
    standby: Place, admin_client: Client, settings: Settings
) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    until(lambda: replica.look().as_of is not None, seconds=10)
    factories.publish_kling()
    factories.new_account("ada")
    _caught_up()

    page = admin_client.get("/admin/").content.decode()

    assert re.search(r'id="read-from"[^>]*>Read from the replica, as of', page)


def test_a_standby_that_is_away_is_told_and_the_primary_read(standby: Place) -> None:
    factories.publish_kling()
    factories.new_account("ada")
    standby.postgres.stop()
    try:
        with replica.reading() as where:
            found = _names()
        _out, beside = _reported("audit")
        facts = health.replica_facts()
    finally:
        with (standby.folder / "servers.log").open("ab") as log:
            standby.postgres.start(log)

    assert (where.is_away, found) == (True, {"ada"})
    assert beside == "The replica is away: this was read from the primary.\n"
    assert facts == {"replica_away": False, "replica_behind": True}
    until(lambda: not replica.look().is_away, seconds=10)


def test_a_server_that_follows_nobody_is_no_replica(standby: Place) -> None:
    standby.postgres.promote()  # the last of this file: the place takes writes from now on

    with replica.reading() as where, connection.cursor() as cursor:
        cursor.execute("SELECT inet_server_port()")
        found = cursor.fetchone()

    assert where.is_away
    assert found != (standby.postgres.port,)


def test_without_a_standby_reports_are_read_where_everything_is() -> None:
    factories.publish_kling()
    with replica.reading() as where:
        assert list(audit.breaches()) == []

    assert (where, str(where), replica.is_there()) == (replica.Reading(), "", False)
    assert _reported("audit")[1] == ""
    assert health.replica_facts() == {}
