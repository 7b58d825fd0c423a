"""The limit: the row changes of a hold and of its end as bare SQL, on tables of the same shape.

The copies have the columns, checks and indexes of the real tables, and neither their triggers
nor their foreign keys: nothing is decided, nothing is proven, only rows change.
"""

from types import TracebackType
from typing import Final, Self

from django.db import connection, transaction

from billing.ids import new_id

_TABLES: Final = ("wallet", "grant", "hold", "allocation", "entry")
_ENTRY: Final = """
    INSERT INTO bench_entry (id, wallet_id, seq, kind, source, target, amount_micros, grant_id,
        hold_id, available_after_micros, held_after_micros, cause_type, cause_id, actor_type,
        actor_id, request_id, effective_at, created_at, digest)
    VALUES (%s, 'w', %s, %s, %s, %s, 1000000, 'g', %s, %s, %s, 'operator', 'bench', 'system',
        'bench', '', now(), now(), %s)
"""
_DIGEST: Final = bytes(32)
_RICH: Final = 10**12


class Limit:
    """One wallet and one grant in copied tables, which are dropped at the end."""

    def __init__(self) -> None:
        self._seq = 0

    def __enter__(self) -> Self:
        """Make the copies and fill them."""
        with connection.cursor() as cursor:
            for table in _TABLES:
                cursor.execute(
                    f"DROP TABLE IF EXISTS bench_{table};"
                    f"CREATE TABLE bench_{table} (LIKE billing_{table} INCLUDING ALL)"
                )
            cursor.execute(
                "INSERT INTO bench_wallet (id, account_id, is_sandbox, available_micros,"
                " held_micros, seq, digest, touched_at, clock_offset, created_at)"
                " VALUES ('w', 'a', true, %s, 0, 0, %s, now(), '0', now())",
                [_RICH, _DIGEST],
            )
            cursor.execute(
                "INSERT INTO bench_grant (id, wallet_id, source, fact, reason, priority, series,"
                " pack, scope, locked_while, with_subscription, lasts, streak_days, paid_micros,"
                " paid_currency,"
                " amount_micros, pending_micros, available_micros, held_micros, captured_micros,"
                " expired_micros, revoked_micros, effective_at, created_at)"
                " VALUES ('g', 'w', 's', 'f', '', 1, '', '', '{}', '[]', false, '', 0, 0, '',"
                " %s, 0, %s, 0, 0, 0, 0, now(), now())",
                [_RICH, _RICH],
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop the copies."""
        with connection.cursor() as cursor:
            for table in _TABLES:
                cursor.execute(f"DROP TABLE bench_{table}")

    def hold(self) -> str:
        """Change the rows that a hold changes."""
        hold_id = new_id("ho")
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("SELECT available_micros FROM bench_wallet WHERE id = 'w' FOR UPDATE")
            cursor.execute(
                "INSERT INTO bench_hold (id, wallet_id, reference, state, amount_micros,"
                " captured_micros, created_at) VALUES (%s, 'w', %s, 'open', 1000000, 0, now())",
                [hold_id, hold_id],
            )
            cursor.execute(
                "INSERT INTO bench_allocation (hold_id, grant_id, wallet_id, position,"
                " amount_micros, created_at) VALUES (%s, 'g', 'w', 0, 1000000, now())",
                [hold_id],
            )
            cursor.execute(
                "UPDATE bench_grant SET available_micros = available_micros - 1000000,"
                " held_micros = held_micros + 1000000 WHERE id = 'g'"
            )
            self._entry("hold", "available", "held", hold_id)
            cursor.execute(
                "UPDATE bench_wallet SET available_micros = available_micros - 1000000,"
                " held_micros = held_micros + 1000000, seq = %s, touched_at = now()"
                " WHERE id = 'w'",
                [self._seq],
            )
        return hold_id

    def life(self) -> None:
        """Change the rows that a hold and its capture change."""
        hold_id = self.hold()
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("SELECT available_micros FROM bench_wallet WHERE id = 'w' FOR UPDATE")
            cursor.execute(
                "UPDATE bench_hold SET state = 'captured', captured_micros = 1000000,"
                " settled_at = now() WHERE id = %s",
                [hold_id],
            )
            cursor.execute(
                "UPDATE bench_grant SET held_micros = held_micros - 1000000,"
                " captured_micros = captured_micros + 1000000 WHERE id = 'g'"
            )
            self._entry("capture", "held", "captured", hold_id)
            cursor.execute(
                "UPDATE bench_wallet SET held_micros = held_micros - 1000000, seq = %s,"
                " touched_at = now() WHERE id = 'w'",
                [self._seq],
            )

    def _entry(self, kind: str, source: str, target: str, hold_id: str) -> None:
        self._seq += 1
        with connection.cursor() as cursor:
            cursor.execute(
                _ENTRY, [new_id("en"), self._seq, kind, source, target, hold_id, _RICH, 0, _DIGEST]
            )
