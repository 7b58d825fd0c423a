"""However long a table is, it is made in the memory of one chunk."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import pytest
from django.db import connection

from billing.accounts.models import Account
from billing.exports import services
from billing.exports.columns import Kind
from billing.exports.models import Export
from billing.ledger.models import Entry, Wallet
from billing.ledger.services import Actor
from tests import factories, thoroughness

PEAK_BYTES: Final = 6 * 1024 * 1024
_COPIES: Final = """
INSERT INTO billing_entry (
    id, previous_id, wallet_id, seq, kind, source, target, amount_micros, grant_id, hold_id,
    available_after_micros, held_after_micros, cause_type, cause_id, actor_type, actor_id,
    request_id, effective_at, created_at, digest)
SELECT left(id, 20) || lpad(number::text, 15, '0'), previous_id, wallet_id, seq + number, kind,
    source, target, amount_micros, grant_id, hold_id, available_after_micros, held_after_micros,
    cause_type, cause_id, actor_type, actor_id, request_id, effective_at, created_at, digest
FROM billing_entry, generate_series(1, %s) AS number
"""


def make_entries(account: Account, count: int) -> None:
    """Have the account's first entry stand there `count` times, as no trigger would let it."""
    factories.give(account, 5)
    assert Entry.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET statement_timeout = 0")  # a million rows are no request's work
        try:
            cursor.execute(_COPIES, [count - 1])
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")
            cursor.execute("RESET statement_timeout")
        cursor.execute("ANALYZE billing_entry")


def peak_of(account: Account) -> tuple[int, int, int]:
    """Return how much memory a table took at most, how long it was, and its count of lines."""
    pieces = services.export(
        account=account,
        kind=Kind.LEDGER,
        since=None,
        until=None,
        with_bom=False,
        actor=Actor("user", account.pk),
        now=datetime.now(UTC),
    )
    size = lines = 0
    tracemalloc.start()
    try:
        for piece in pieces:
            size += len(piece)
            lines += piece.count("\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak, size, lines


@pytest.mark.night
def test_a_long_table_takes_the_memory_of_one_chunk(
    ada: Account, record_property: Callable[[str, object], None]
) -> None:
    count = thoroughness.by_profile(desk=20_000, ci=50_000, night=1_000_000)
    make_entries(ada, count)

    peak, size, lines = peak_of(ada)

    record_property(thoroughness.LOOKED, f"a table of {count} rows, {size} bytes: peak {peak}")
    assert Wallet.objects.count() == 1
    assert lines == count + 2
    assert Export.objects.get().rows == count
    assert peak < PEAK_BYTES
