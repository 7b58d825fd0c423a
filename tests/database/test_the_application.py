"""The application lives as a role that owns nothing: what was written it cannot change."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError
from django.db import ProgrammingError, connection, transaction

from billing.accounts.models import Account
from billing.http.health import entries_are_in_their_months
from billing.insights import audit
from billing.ledger import services as ledger
from billing.ledger.models import Hold
from billing.management.commands.migrate import renew_rights
from billing.outbox import services as outbox
from billing.webhooks import services as webhooks
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop

APPEND_ONLY: Final = {"billing_entry", "billing_allocation", "billing_redemption"}
NEVER_DELETED: Final = APPEND_ONLY | {
    *("billing_wallet", "billing_grant", "billing_hold", "billing_debt", "billing_counteduse"),
    *("billing_job", "billing_attempt", "billing_subscription", "billing_packpurchase"),
}
# Of every table that refuses something by a trigger: what it refuses, from the catalog of triggers.
GUARDED: Final = """
    SELECT c.relname, bool_or(t.tgtype & 16 <> 0), bool_or(t.tgtype & 8 <> 0), min(a.attname)
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE NOT c.relispartition AND t.tgqual IS NULL
      AND t.tgfoid IN ('billing_refuse'::regproc, 'plans_refuse_change'::regproc)
    GROUP BY c.relname
"""
NO_RIGHT: Final = psycopg.errors.InsufficientPrivilege


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def is_forbidden(sentence: str) -> bool:
    try:
        rows(sentence)
    except ProgrammingError as refusal:
        return isinstance(refusal.__cause__, NO_RIGHT)
    return False


def test_nothing_that_was_written_can_be_changed_or_emptied(application: str) -> None:
    guarded = rows(GUARDED)
    forbidden = [
        *(f"UPDATE {table} SET {key} = {key}" for table, kept, _stays, key in guarded if kept),
        *(f"DELETE FROM {table}" for table, _kept, stays, _key in guarded if stays),
        *(f"TRUNCATE {table} CASCADE" for table, *_what in guarded),
        *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table, *_what in guarded),
        *(f"DROP TABLE {table} CASCADE" for table, *_what in guarded),
    ]

    assert {table for table, is_kept, *_what in guarded if is_kept} >= APPEND_ONLY
    assert {table for table, _kept, stays, _key in guarded if stays} >= NEVER_DELETED
    assert [sentence for sentence in forbidden if not is_forbidden(sentence)] == []


def test_whatever_row_our_code_locks_may_be_locked(application: str) -> None:
    """A lock needs the right to update, which the role has not where every update is refused."""
    sources = (Path(settings.BASE_DIR) / "billing").rglob("*.py")
    locked = {
        name
        for path in sources
        for name in re.findall(r"(\w+)\.objects\.select_for_update", path.read_text())
    }

    ours = {model.__name__: model._meta.db_table for model in apps.get_models()}
    tables = {ours[name] for name in locked}
    assert len(tables) > 10
    assert [t for t in tables if is_forbidden(f"SELECT 1 FROM {t} LIMIT 0 FOR UPDATE")] == []
    assert is_forbidden("SELECT 1 FROM billing_entry LIMIT 0 FOR UPDATE")


def test_a_partition_is_reached_through_its_table_only(application: str) -> None:
    tables = {
        name
        for (name,) in rows("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
    }

    assert len(tables) >= 5
    for table in tables:
        assert is_forbidden(f"INSERT INTO {table} SELECT * FROM billing_entry")
        assert is_forbidden(f"UPDATE {table} SET request_id = 'x'")
        assert is_forbidden(f"DELETE FROM {table}")
        assert is_forbidden(f"TRUNCATE {table}")
        assert is_forbidden(f"DROP TABLE {table}")


@pytest.mark.parametrize(
    "sentence",
    [
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION billing_mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION billing_refuse() CASCADE",
        "ALTER FUNCTION billing_made_at(text) RENAME TO mine",
        "SELECT billing_make_partition('2030-01-01')",
        "SET session_replication_role = replica",
        "SET ROLE linggan",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('billing', 'x', now())",
        "DELETE FROM django_migrations",
    ],
)
def test_it_makes_no_tables_and_switches_no_guard_off(application: str, sentence: str) -> None:
    assert is_forbidden(sentence)


def test_a_jobs_whole_life_needs_no_more_rights(application: str, ada: Account) -> None:
    shop.open_shop()
    bought = factories.give(ada, 100, expires_in=timedelta(days=1))

    shop.finish(shop.submit(ada, seconds=5))
    shop.fail(shop.submit(ada, seconds=5))
    with transaction.atomic():
        ledger.claw_back(
            factories.lock(ada),
            grant_ids=[bought.pk],
            amount_micros=95 * MICROS,
            fact="refund:1",
            cause=ledger.Cause("refund", "re_1"),
            actor=factories.OPERATOR,
        )
    factories.give(ada, 20)
    outbox.ring_due(now=datetime.now(UTC))
    webhooks.sweep(now=datetime.now(UTC))

    assert factories.free_micros(ada) == 15 * MICROS
    assert Hold.objects.filter(state=Hold.State.OPEN).count() == 0
    assert list(audit.breaches()) == []
    assert rows("SELECT current_user") == [(application,)]


def test_it_has_partitions_made_without_a_right_to_make_tables(application: str) -> None:
    assert ledger.make_partitions(ahead=5) == 2
    assert ledger.make_partitions(ahead=5) == 0
    assert entries_are_in_their_months()


def test_its_sessions_have_time_limits_that_no_pooler_can_lose(application: str) -> None:
    connection.close()
    options = connection.settings_dict["OPTIONS"]
    connection.settings_dict["OPTIONS"] = {"connect_timeout": 5}

    limits = [
        rows(f"SHOW {name}")[0][0]
        for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    ]

    connection.close()
    connection.settings_dict["OPTIONS"] = options
    assert limits == ["4s", "15s", "30s"]


def test_a_role_that_owns_the_tables_is_not_taken_for_the_application(db: None) -> None:
    name = connection.settings_dict["USER"]

    with pytest.raises(CommandError, match="must be two"):
        renew_rights(connection, role=name, password="x")
