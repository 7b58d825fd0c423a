"""The limit: the row changes of a hold and of its end as bare SQL, on tables of the same shape.

pgbench runs it, so no Python stands in the way. The copies have the columns, checks and indexes
of the real tables, and neither their triggers nor their foreign keys: nothing is decided, nothing
is proven, only rows change. The entries' copy is that of one partition. Each client has a wallet
of its own with four grants, or all have the first.
"""

from functools import partial
from types import TracebackType
from typing import Final, Self

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.insights.bench import pgbench
from billing.insights.bench.figures import Effort, TakeTurn, Turn

CLIENTS_MAX: Final = 32
_TABLES: Final = {
    "wallet": "billing_wallet",
    "grant": "billing_grant",
    "hold": "billing_hold",
    "allocation": "billing_allocation",
    "entry": "billing_entry_default",
}
_RICH: Final = 10**15
_WALLETS: Final = """
    INSERT INTO bench_wallet (id, account_id, is_sandbox, available_micros, held_micros,
        debt_micros, timed_holds, automatic_count, seq, last_entry_id, digest, touched_at,
        clock_offset, created_at)
    SELECT 'w' || n, 'a' || n, true, 4 * %(rich)s, 0, 0, 0, 0, 0, '', %(digest)s, now(), '0', now()
    FROM generate_series(0, %(last)s) AS n
"""
_GRANTS: Final = """
    INSERT INTO bench_grant (id, wallet_id, source, fact, reason, priority, series, pack, scope,
        locked_while, with_subscription, goes_back, lasts, streak_days, paid_micros, paid_currency,
        amount_micros, pending_micros, available_micros, held_micros, captured_micros,
        expired_micros, revoked_micros, transferred_micros, effective_at, created_at)
    SELECT 'gw' || n || '_' || g, 'w' || n, 's', 'f' || g, '', 1, '', '', '{}', '[]', false, false,
        '', 0, 0, '', %(rich)s, 0, %(rich)s, 0, 0, 0, 0, 0, now(), now()
    FROM generate_series(0, %(last)s) AS n, generate_series(0, 3) AS g
"""
_WALLET: Final = r"\set w {wallet}"
_ENTRY_COLUMNS: Final = (
    "id, previous_id, wallet_id, seq, kind, source, target, amount_micros, grant_id, hold_id,"
    " available_after_micros, held_after_micros, cause_type, cause_id, actor_type, actor_id,"
    " request_id, effective_at, created_at, digest"
)
_ENTRY_VALUES: Final = (
    "'en' || id || '_' || seq, 'en' || id || '_' || (seq - 1), id, seq, '{kind}', '{source}',"
    " '{target}', 1000000, 'g' || id || '_0', {hold}, available_micros, held_micros, 'operator',"
    " 'bench', 'system', 'bench', '', now(), now(), digest"
)
_CHANGED: Final = (
    "seq = seq + 1, last_entry_id = 'en' || id || '_' || (seq + 1), touched_at = now(),"
    " digest = sha256(digest || convert_to(id || seq, 'UTF8'))"
)
_TAKEN: Final = "available_micros = available_micros - 1000000, held_micros = held_micros + 1000000"
_RETURNED: Final = "RETURNING id, seq, digest, available_micros, held_micros"
_HELD: Final = _ENTRY_VALUES.format(
    kind="hold", source="available", target="held", hold="'ho' || id || '_' || seq"
)
_SPENT: Final = _ENTRY_VALUES.format(
    kind="capture", source="held", target="captured", hold=":hold_id"
)
_A_HOLD: Final = (
    "INSERT INTO bench_hold (id, wallet_id, reference, state, amount_micros, captured_micros,"
    " created_at) SELECT 'ho' || id || '_' || seq, id, 'ho' || id || '_' || seq, 'open', 1000000,"
    " 0, now() FROM {wallet}"
)
_AN_ALLOCATION: Final = (
    "INSERT INTO bench_allocation (hold_id, grant_id, wallet_id, position, amount_micros,"
    " created_at) SELECT 'ho' || id || '_' || seq, 'g' || id || '_0', id, 0, 1000000, now()"
    " FROM {wallet}"
)
_OF_GRANT: Final = "UPDATE bench_grant SET {change} WHERE id = 'gw' || :w || '_0'"
# One statement, one round trip: what no service can be faster than.
_HOLD_AT_ONCE: Final = f"""
{_WALLET}
WITH w AS (UPDATE bench_wallet SET {_TAKEN}, {_CHANGED} WHERE id = 'w' || :w {_RETURNED}),
h AS ({_A_HOLD.format(wallet="w")}),
a AS ({_AN_ALLOCATION.format(wallet="w")}),
g AS ({_OF_GRANT.format(change=_TAKEN)})
INSERT INTO bench_entry ({_ENTRY_COLUMNS}) SELECT {_HELD} FROM w RETURNING hold_id \\gset
"""  # noqa: S608 (constants of this file)
_CAPTURE_AT_ONCE: Final = f"""
WITH w AS (UPDATE bench_wallet SET held_micros = held_micros - 1000000, {_CHANGED}
    WHERE id = 'w' || :w {_RETURNED}),
h AS (UPDATE bench_hold SET state = 'captured', captured_micros = 1000000, settled_at = now()
    WHERE id = :hold_id),
g AS ({
    _OF_GRANT.format(
        change="held_micros = held_micros - 1000000, captured_micros = captured_micros + 1000000"
    )
})
INSERT INTO bench_entry ({_ENTRY_COLUMNS}) SELECT {_SPENT} FROM w;
"""  # noqa: S608 (constants of this file)
# The plain row lock: whoever holds it waits for the network, statement by statement.
_HOLD_BY_STEPS: Final = f"""
{_WALLET}
BEGIN;
SELECT id AS id, seq + 1 AS seq FROM bench_wallet WHERE id = 'w' || :w FOR UPDATE \\gset
{_A_HOLD.format(wallet="(SELECT 'w' || :w AS id, :seq AS seq) AS w")};
{_AN_ALLOCATION.format(wallet="(SELECT 'w' || :w AS id, :seq AS seq) AS w")};
{_OF_GRANT.format(change=_TAKEN)};
UPDATE bench_wallet SET {_TAKEN}, {_CHANGED} WHERE id = 'w' || :w;
INSERT INTO bench_entry ({_ENTRY_COLUMNS}) SELECT {_HELD} FROM bench_wallet WHERE id = 'w' || :w;
COMMIT;
"""  # noqa: S608 (constants of this file)
_READ: Final = f"""
{_WALLET}
SELECT available_micros, held_micros FROM bench_wallet WHERE id = 'w' || :w;
"""  # noqa: S608 (constants of this file)
_WRITE: Final = """
INSERT INTO bench_allocation (hold_id, grant_id, wallet_id, position, amount_micros, created_at)
VALUES (gen_random_uuid()::text, 'g', 'w', 0, 1000000, now());
"""
_OWN: Final = ":client_id"
_ADRIFT: Final = """
    SELECT count(*) FROM bench_wallet AS w WHERE
        seq <> (SELECT count(*) FROM bench_entry AS e WHERE e.wallet_id = w.id)
        OR held_micros <> (SELECT COALESCE(sum(amount_micros), 0) FROM bench_hold AS h
                           WHERE h.wallet_id = w.id AND h.state = 'open')
"""


class Limit:
    """Wallets and grants in copied tables, which are dropped at the end."""

    def __init__(self, owner: BaseDatabaseWrapper) -> None:
        """Take the connection of who may make tables; the rows change on the usual one."""
        self._owner = owner

    def __enter__(self) -> Self:
        """Make the copies and fill them."""
        pgbench.program()  # where there is none, nothing is begun
        with self._owner.cursor() as cursor:
            for name, table in _TABLES.items():
                cursor.execute(
                    f"DROP TABLE IF EXISTS bench_{name};"
                    f"CREATE TABLE bench_{name} (LIKE {table} INCLUDING ALL);"
                    f'GRANT ALL ON bench_{name} TO "{connection.settings_dict["USER"]}"'
                )
        facts: dict[str, int | bytes] = {
            "rich": _RICH,
            "digest": bytes(32),
            "last": CLIENTS_MAX - 1,
        }
        with connection.cursor() as cursor:
            cursor.execute(_WALLETS, facts)
            cursor.execute(_GRANTS, facts)
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

    def hold(self, clients: int) -> TakeTurn:
        """Change the rows that a hold changes, by one statement; each client in its wallet."""
        return partial(self._turn, _HOLD_AT_ONCE.format(wallet=_OWN), clients)

    def life(self, clients: int) -> TakeTurn:
        """Change the rows that a hold and its capture change, by one statement each."""
        script = (_HOLD_AT_ONCE + _CAPTURE_AT_ONCE).format(wallet=_OWN)
        return partial(self._turn, script, clients)

    def locked(self, clients: int) -> TakeTurn:
        """Change the rows that a hold changes, by the plain lock of one wallet's row for all."""
        return partial(self._turn, _HOLD_BY_STEPS.format(wallet=0), clients)

    def read(self, clients: int) -> TakeTurn:
        """Read a wallet's row by its key."""
        return partial(self._turn, _READ.format(wallet=_OWN), clients)

    def write(self, clients: int) -> TakeTurn:
        """Write one small row."""
        return partial(self._turn, _WRITE, clients)

    def adrift(self) -> int:
        """Return how many wallets are not what their entries and holds say."""
        with connection.cursor() as cursor:
            cursor.execute(_ADRIFT)
            (found,) = cursor.fetchone()
        assert isinstance(found, int)
        return found

    def _turn(self, script: str, clients: int, effort: Effort) -> Turn:
        return pgbench.turn(script, clients=clients, effort=effort)
