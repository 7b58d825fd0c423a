"""Entries stand in their months; what is hot reads this month only; old tables are taken along."""

import io
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from structlog.testing import capture_logs

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger import services as ledger
from billing.ledger.models import Entry, Wallet
from plans.credits import MICROS
from tests import factories
from tests.ledger.refusing import refused

SQL: Final = Path(settings.BASE_DIR) / "billing" / "migrations" / "sql"
MONTHS: Final = 24


def rows(sql: str, *values: str | datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return list(cursor.fetchall())


def run(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute((SQL / name).read_text())


def month(of: datetime) -> str:
    return f"billing_entry_{of:%Y_%m}"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Return what makes this process's clock wrong; the database keeps its own."""
    true = time.time_ns

    def shift(by: timedelta) -> None:
        monkeypatch.setattr(
            time, "time_ns", lambda: true() + by // timedelta(microseconds=1) * 1000
        )

    return shift


@pytest.fixture
def past(ada: Account, clock: Callable[[timedelta], None]) -> Account:
    """Ada's wallet has entries of months that are long over, the newest of this month."""
    for number in range(MONTHS, -1, -6):
        at = datetime.now(UTC) - timedelta(days=30 * number)
        rows("SELECT billing_make_partition(date_trunc('month', %s AT TIME ZONE 'UTC')::date)", at)
        clock(timedelta(days=-30 * number))
        factories.give(ada, 10)
        factories.capture(ada, factories.hold(ada, 4), 3 * MICROS)
    clock(timedelta(0))
    connection.check_constraints()
    return ada


def reads(act: Callable[[], object]) -> set[str]:
    """Return the partitions that `act` and the triggers of its commit read."""

    def counted() -> dict[str, int]:
        return dict(
            rows(
                "SELECT relname, COALESCE(seq_scan, 0) + COALESCE(idx_scan, 0) "
                "FROM pg_stat_xact_user_tables WHERE relname LIKE 'billing_entry_%'"
            )
        )

    before = counted()
    act()
    connection.check_constraints()
    return {name for name, count in counted().items() if count > before.get(name, 0)}


def test_what_is_hot_reads_no_month_that_is_over(past: Account) -> None:
    now = datetime.now(UTC)
    over = {
        name
        for (name,) in rows(
            "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relname < %s",
            month(now),
        )
    }
    assert len(over) >= 4

    held: list[Any] = []
    of_a_grant = reads(lambda: factories.give(past, 5))
    of_a_hold = reads(lambda: held.append(factories.hold(past, 4)))
    of_its_end = reads(lambda: factories.capture(past, held[0], 3 * MICROS))
    last = Wallet.objects.get().last_entry_id
    of_a_receipt = reads(lambda: Entry.objects.get(pk=last))
    of_a_search = reads(lambda: list(Entry.objects.filter(hold=held[0])))

    assert of_a_grant == of_a_receipt == {month(now)}
    assert month(now) in of_a_hold & of_its_end
    assert not (of_a_hold | of_its_end) & over
    assert over <= of_a_search  # the control: the meter sees who reads all months


def test_a_hold_of_an_earlier_month_ends_as_its_entries_say(
    ada: Account, clock: Callable[[timedelta], None]
) -> None:
    factories.give(ada, 10)
    rows("SELECT billing_make_partition((date_trunc('month', now()) - interval '1 month')::date)")
    clock(timedelta(days=-31))
    held = factories.hold(ada, 4)
    clock(timedelta(0))

    factories.capture(ada, held, 3 * MICROS)
    connection.check_constraints()

    partitions = {
        name
        for (name,) in rows(
            "SELECT tableoid::regclass::text FROM billing_entry WHERE hold_id = %s", held.pk
        )
    }
    assert len(partitions) == 2
    assert list(audit.breaches()) == []


def test_what_a_mad_clock_wrote_is_named_and_goes_to_its_month(
    ada: Account, clock: Callable[[timedelta], None]
) -> None:
    factories.give(ada, 10)
    ahead = timedelta(days=5 * 31)
    clock(ahead)
    factories.give(ada, 20)
    clock(timedelta(0))
    factories.hold(ada, 25)  # goes on from the stray one
    connection.check_constraints()
    said = list(Entry.objects.order_by("seq").values())
    stray = said[1]["id"]

    assert rows("SELECT id FROM billing_entry_default") == [(stray,)]
    assert [one.row for one in audit.breaches()] == [stray]
    with capture_logs() as logs:
        assert ledger.make_partitions() == 0
    assert [line["event"] for line in logs] == ["entries_are_astray"]

    connection.check_constraints()
    assert ledger.make_partitions(ahead=6) == 3

    assert rows("SELECT id FROM billing_entry_default") == []
    assert rows("SELECT tableoid::regclass::text FROM billing_entry WHERE id = %s", stray) == [
        (month(datetime.now(UTC) + ahead),)
    ]
    assert list(Entry.objects.order_by("seq").values()) == said
    assert list(audit.breaches()) == []
    refused(lambda: Entry.objects.filter(pk=stray).delete(), "entry_is_append_only")
    factories.give(ada, 1)
    connection.check_constraints()


def shape() -> list[tuple[Any, ...]]:
    """Return what guards the entries: triggers, keys, checks and indexes, by what they say.

    How a later migration lets the functions look rows up is left out.
    """
    return sorted(
        rows(r"""
        SELECT pg_get_triggerdef(oid) FROM pg_trigger
        WHERE tgrelid = 'billing_entry'::regclass AND NOT tgisinternal
        UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = 'billing_entry'::regclass
        UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = 'billing_entry'::regclass
        UNION ALL
        SELECT regexp_replace(pg_get_functiondef(oid),
                              '\n SET (enable_\w+|plan_cache_mode) TO \S+', '', 'g')
        FROM pg_proc WHERE proname LIKE 'billing_%'
    """)
    )


def test_a_table_with_data_gets_its_partitions_and_loses_them_again(past: Account) -> None:
    entries, wallets = list(Entry.objects.order_by("seq").values()), list(Wallet.objects.values())
    guards = shape()

    run("guards_once.down.sql")
    run("partitions.down.sql")

    plain = rows("SELECT relkind FROM pg_class WHERE oid = 'billing_entry'::regclass")
    assert plain == [("r",)]
    assert rows("SELECT id FROM billing_entry ORDER BY seq") == [(one["id"],) for one in entries]
    assert "entry_seq_once" in str(shape())
    assert "billing_entry_floor" not in str(shape())

    run("partitions.up.sql")
    run("partitions.down.sql")
    run("partitions.up.sql")
    run("guards_once.up.sql")

    with connection.cursor() as cursor:  # nothing is left pending: the migration goes on
        cursor.execute("ALTER TABLE billing_wallet ADD CHECK (seq = 0 OR last_entry_id <> '')")
    assert list(Entry.objects.order_by("seq").values()) == entries
    assert list(Wallet.objects.values()) == wallets
    assert shape() == guards
    assert rows("SELECT 1 FROM billing_entry_default") == []
    assert list(audit.breaches()) == []
    factories.hold(past, 1)
    connection.check_constraints()


def test_the_sweep_says_what_it_made(transactional_db: None, kling: None) -> None:
    said = io.StringIO()

    call_command("run_due", stdout=said)

    assert "partitions made: 0" in said.getvalue()
