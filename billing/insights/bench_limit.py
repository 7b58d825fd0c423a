"""The limit: the row changes of a hold and of its end as bare SQL, on tables of the same shape.

The copies have the columns, checks and indexes of the real tables, and neither their triggers
nor their foreign keys: nothing is decided, nothing is proven, only rows change. The entries' copy
is that of one partition.
"""

from types import TracebackType
from typing import Final, Self

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.ids import new_id

_TABLES: Final = {
    "wallet": "billing_wallet",
    "grant": "billing_grant",
    "hold": "billing_hold",
    "allocation": "billing_allocation",
    "entry": "billing_entry_default",
}
_ENTRY: Final = """
    INSERT INTO bench_entry (id, previous_id, wallet_id, seq, kind, source, target, amount_micros,
        grant_id, hold_id, available_after_micros, held_after_micros, cause_type, cause_id,
        actor_type, actor_id, request_id, effective_at, created_at, digest)
    VALUES (%s, %s, 'w', %s, %s, %s, %s, 1000000, 'g', %s, %s, %s, 'operator', 'bench', 'system',
        'bench', '', now(), now(), %s)
"""
_DIGEST: Final = bytes(32)
_RICH: Final = 10**12


class Limit:
    """One wallet and one grant in copied tables, which are dropped at the end."""

    def __init__(self, owner: BaseDatabaseWrapper) -> None:
        """Take the connection of who may make tables; the rows change on the usual one."""
        self._owner = owner
        self._seq = 0
        self._last = ""

    def __enter__(self) -> Self:
        """Make the copies and fill them."""
        with self._owner.cursor() as cursor:
            for name, table in _TABLES.items():
                cursor.execute(
                    f"DROP TABLE IF EXISTS bench_{name};"
                    f"CREATE TABLE bench_{name} (LIKE {table} INCLUDING ALL);"
                    f'GRANT ALL ON bench_{name} TO "{connection.settings_dict["USER"]}"'
                )
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bench_wallet (id, account_id, is_sandbox, available_micros,"
                " held_micros, debt_micros, timed_holds, automatic_count, seq, last_entry_id,"
                " digest, touched_at, clock_offset, created_at)"
                " VALUES ('w', 'a', true, %s, 0, 0, 0, 0, 0, '', %s, now(), '0', now())",
                [_RICH, _DIGEST],
            )
            cursor.execute(
                "INSERT INTO bench_grant (id, wallet_id, source, fact, reason, priority, series,"
                " pack, scope, locked_while, with_subscription, goes_back, lasts, streak_days,"
                " paid_micros, paid_currency,"
                " amount_micros, pending_micros, available_micros, held_micros, captured_micros,"
                " expired_micros, revoked_micros, transferred_micros, effective_at, created_at)"
                " VALUES ('g', 'w', 's', 'f', '', 1, '', '', '{}', '[]', false, false, '', 0, 0,"
                " '', %s, 0, %s, 0, 0, 0, 0, 0, now(), now())",
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
        with self._owner.cursor() as cursor:
            for name in _TABLES:
                cursor.execute(f"DROP TABLE bench_{name}")

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
                " held_micros = held_micros + 1000000, seq = %s, last_entry_id = %s,"
                " touched_at = now() WHERE id = 'w'",
                [self._seq, self._last],
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
                " last_entry_id = %s, touched_at = now() WHERE id = 'w'",
                [self._seq, self._last],
            )

    def _entry(self, kind: str, source: str, target: str, hold_id: str) -> None:
        self._seq += 1
        previous, self._last = self._last, new_id("en")
        path = (kind, source, target)
        with connection.cursor() as cursor:
            cursor.execute(
                _ENTRY, [self._last, previous, self._seq, *path, hold_id, _RICH, 0, _DIGEST]
            )
