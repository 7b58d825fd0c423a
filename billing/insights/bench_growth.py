"""Measures holds in databases of ten thousand to ten million entries, beside the limit.

A hold should cost the same in all of them. Everything stands in a database of its own, which is
made by the owner of the tables, a superuser, and dropped at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from billing.accounts.models import Account
from billing.accounts.services import ensure_account
from billing.ids import new_id
from billing.insights import audit, bench, bench_card, bench_history
from billing.insights.bench_limit import Limit
from billing.ledger import selectors
from plans import selectors as plans
from plans.catalog import publish

WALLETS: Final = 10  # share the entries; the measured one is among them
SPAN: Final = timedelta(days=730)
_HOLD: Final = "limit: rows of a hold"
_LIFE: Final = "limit: rows of a hold and its end"


@dataclass(frozen=True, slots=True)
class Size:
    """What was measured with so many entries, spread over so many partitions."""

    entries: int
    partitions: int
    cases: Sequence[bench.Case]


@dataclass(frozen=True, slots=True)
class Growth:
    """All sizes, and how many rows broke an invariant at the end."""

    calls: int
    sizes: Sequence[Size]
    mismatches: int


def run(*, sizes: Sequence[int], calls: int, now: datetime, tell: Callable[[Size], None]) -> Growth:
    """Measure at each of the sizes, which grow, in a database that is gone afterwards.

    Args:
        calls: calls of each case in each of the five rounds.
        now: the newest instant of what fills the database.
        tell: is called with each size as soon as it was measured: the next takes ten times longer.
    """
    with throw_away_database():
        publish.publish(bench_card.text(10), now=now)
        return grow(sizes=sizes, calls=calls, now=now, tell=tell)


def grow(
    *, sizes: Sequence[int], calls: int, now: datetime, tell: Callable[[Size], None]
) -> Growth:
    """Fill this database up to each of the sizes, and measure there; the arguments are `run`'s."""
    measured: list[Size] = []
    before = 0
    for size in sizes:
        measured.append(_at_size(size, before, calls=calls, now=now))
        tell(measured[-1])
        before = size
    return Growth(calls=calls, sizes=measured, mismatches=sum(1 for _breach in audit.breaches()))


def _at_size(size: int, before: int, *, calls: int, now: datetime) -> Size:
    """Add to `before` entries what is missing, in fresh wallets, and measure in one of them."""
    shares = [(size - before) // WALLETS] * (WALLETS - 1)
    for share in shares:
        _used(share, now)
    account = _used(size - before - sum(shares), now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'billing_entry'::regclass"
        )
        (partitions,) = cursor.fetchone()
    scene = bench.Scene(account=account, now=now, catalog=plans.current().catalog)
    with Limit(connection) as limit:
        plan: list[bench.Step] = [
            (_HOLD, limit.hold, None),
            ("hold", scene.hold, _HOLD),
            (_LIFE, limit.life, None),
            ("hold and capture", scene.life, _LIFE),
            ("first page of the ledger", lambda: list(selectors.entries(account)[:20]), None),
        ]
        cases = bench.measured(plan, scene, calls=calls)
    return Size(entries=size, partitions=partitions, cases=cases)


def _used(entries: int, now: datetime) -> Account:
    """Return an account that has been in use up to yesterday, with so many entries."""
    account = ensure_account(new_id("bench"), zone="UTC", is_sandbox=True, now=now)
    bench_history.give_a_past(
        account, entries=entries, since=now - SPAN, until=now - timedelta(days=1)
    )
    return account


@contextmanager
def throw_away_database() -> Iterator[None]:
    """Have this process use an empty database with all tables, until the block ends."""
    home: dict[str, Any] = dict(connection.settings_dict)
    owner = bench.owner().settings_dict
    name = f"{home['NAME']}_bench"
    connection.close()
    _as_owner(owner, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
    _as_owner(owner, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    whose = {key: owner[key] for key in ("USER", "PASSWORD", "HOST", "PORT")}
    connection.settings_dict |= whose | {"NAME": name, "OPTIONS": {"connect_timeout": 5}}
    try:
        call_command("migrate", database=connection.alias, verbosity=0, interactive=False)
        yield
    finally:
        connection.close()
        connection.settings_dict |= home
        _as_owner(owner, sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def _as_owner(owner: dict[str, Any], sentence: sql.Composed) -> None:
    with psycopg.connect(
        host=owner["HOST"],
        port=owner["PORT"],
        user=owner["USER"],
        password=owner["PASSWORD"],
        dbname=owner["NAME"],
        autocommit=True,
    ) as session:
        session.execute(sentence)
