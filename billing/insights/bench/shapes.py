"""Ledgers of other shapes, as small as they can be: what ours is measured beside.

One has accounts with a balance each, transfers and entries, and one function in SQL that does it
all, as pgledger is described; the other has entries alone, and adds them up before each charge.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.insights.bench.hands import Deed

ENTRIES: Final = 1000  # that a naive account has before it is charged
_RICH: Final = 10**15
_TABLES: Final = ("account", "transfer", "posting", "summed_account", "summed_entry")
_MAKE: Final = """
    CREATE TABLE bench_account (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        balance bigint NOT NULL DEFAULT 0,
        version bigint NOT NULL DEFAULT 0,
        may_owe boolean NOT NULL,
        CHECK (may_owe OR balance >= 0)
    );
    CREATE TABLE bench_transfer (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        giver bigint NOT NULL REFERENCES bench_account,
        taker bigint NOT NULL REFERENCES bench_account CHECK (taker <> giver),
        amount bigint NOT NULL CHECK (amount > 0),
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE bench_posting (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES bench_account,
        transfer_id bigint NOT NULL REFERENCES bench_transfer,
        amount bigint NOT NULL,
        balance_before bigint NOT NULL,
        balance_after bigint NOT NULL CHECK (balance_after = balance_before + amount),
        version bigint NOT NULL,
        UNIQUE (account_id, version)
    );
    CREATE INDEX ON bench_posting (transfer_id);
    CREATE FUNCTION bench_move(from_id bigint, to_id bigint, micros bigint) RETURNS bigint
    LANGUAGE plpgsql AS $$
    DECLARE moved bigint;
    BEGIN
        -- Always the smaller number first, so that two ways between the same never wait in a ring.
        PERFORM FROM bench_account WHERE id IN (from_id, to_id) ORDER BY id FOR UPDATE;
        INSERT INTO bench_transfer (giver, taker, amount) VALUES (from_id, to_id, micros)
            RETURNING id INTO moved;
        WITH changed AS (
            UPDATE bench_account AS a SET balance = balance + s.change, version = version + 1
            FROM (VALUES (from_id, -micros), (to_id, micros)) AS s (id, change)
            WHERE a.id = s.id RETURNING a.id, a.balance, a.version, s.change
        ) INSERT INTO bench_posting
            (account_id, transfer_id, amount, balance_before, balance_after, version)
            SELECT id, moved, change, balance - change, balance, version FROM changed;
        RETURN moved;
    END $$;
    CREATE TABLE bench_summed_account (id bigint PRIMARY KEY);
    CREATE TABLE bench_summed_entry (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES bench_summed_account,
        amount bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ON bench_summed_entry (account_id);
"""
_ADRIFT: Final = """
    SELECT (SELECT count(*) FROM bench_account AS a WHERE balance <>
               (SELECT COALESCE(sum(amount), 0) FROM bench_posting WHERE account_id = a.id)
               OR version <> (SELECT count(*) FROM bench_posting WHERE account_id = a.id))
         + (SELECT count(*) FROM bench_transfer AS t WHERE 2 <>
               (SELECT count(*) FROM bench_posting WHERE transfer_id = t.id)
               OR 0 <> (SELECT sum(amount) FROM bench_posting WHERE transfer_id = t.id))
         + (SELECT (sum(balance) <> 0)::int FROM bench_account)
         + (SELECT count(*) FROM bench_summed_account AS a WHERE 0 > ALL
               (SELECT sum(amount) FROM bench_summed_entry WHERE account_id = a.id))
"""


class Shapes:
    """Their tables, which are dropped at the end."""

    def __init__(self, owner: BaseDatabaseWrapper) -> None:
        """Take the connection of who may make tables; the rows change on the usual one."""
        self._owner = owner

    def __enter__(self) -> Self:
        """Make the tables."""
        user = connection.settings_dict["USER"]
        with self._owner.cursor() as cursor:
            self._drop(cursor.execute)
            cursor.execute(_MAKE)
            for table in _TABLES:
                cursor.execute(f'GRANT ALL ON bench_{table} TO "{user}"')
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop them."""
        with self._owner.cursor() as cursor:
            self._drop(cursor.execute)

    def adrift(self) -> int:
        """Return how many accounts and transfers do not add up."""
        with connection.cursor() as cursor:
            cursor.execute(_ADRIFT)
            (found,) = cursor.fetchone()
        assert isinstance(found, int)
        return found

    @staticmethod
    def _drop(execute: Callable[[str], object]) -> None:
        execute("DROP FUNCTION IF EXISTS bench_move(bigint, bigint, bigint)")
        for table in reversed(_TABLES):
            execute(f"DROP TABLE IF EXISTS bench_{table}")


def moving(_number: int) -> Deed:
    """Return a deed that charges an account of its own by one call of the function."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_account (may_owe) VALUES (true), (true), (false) RETURNING id"
        )
        bank, sales, wallet = sorted(number for (number,) in cursor.fetchall())
        cursor.execute("SELECT bench_move(%s, %s, %s)", [bank, wallet, _RICH])

    def charge() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT bench_move(%s, %s, %s)", [wallet, sales, 1_000_000])
            return bool(cursor.fetchone()[0])

    return Deed(charge)


def summing(number: int) -> Deed:
    """Return a deed that adds an account's entries up, and writes one more if there is enough."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_summed_account VALUES (%s)", [number])
        cursor.execute(
            "INSERT INTO bench_summed_entry (account_id, amount)"
            " SELECT %s, %s FROM generate_series(1, %s)",
            [number, _RICH // ENTRIES, ENTRIES],
        )

    def charge() -> bool:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("SELECT FROM bench_summed_account WHERE id = %s FOR UPDATE", [number])
            cursor.execute(
                "SELECT sum(amount) FROM bench_summed_entry WHERE account_id = %s", [number]
            )
            if cursor.fetchone()[0] < 1_000_000:  # noqa: PLR2004 (the price)
                return False
            cursor.execute(
                "INSERT INTO bench_summed_entry (account_id, amount) VALUES (%s, -1000000)",
                [number],
            )
        return True

    return Deed(charge)
