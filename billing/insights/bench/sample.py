"""Audits some of the accounts that the bench has made: all that is theirs, by the audit itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection
from django.db.models import Model

from billing.accounts.models import Account
from billing.insights import audit
from billing.insights.bench.rows import TABLES

_MOST: Final = 500
# By which of its columns one comes from a row to whose it is.
_WAYS_UP: Final = {"account": "billing_account", "wallet": "billing_wallet", "job": "billing_job"}


def mismatches() -> int:
    """Return how many rows break an invariant, of those of some five hundred accounts."""
    with connection.cursor() as cursor, _few_accounts(cursor):
        return sum(1 for _breach in audit.breaches())


@contextmanager
def _few_accounts(cursor: Any) -> Iterator[None]:  # noqa: ANN401 (Django's cursor has no public type)
    """Have this session see few of the accounts, chosen at random, until the block ends.

    Temporary tables of the same names stand before the real ones.
    """
    share = 100.0 * min(1.0, _MOST / max(1, Account.objects.count()))
    made = []
    try:
        for model in TABLES:
            table, chosen = model._meta.db_table, _chosen(model, share)  # noqa: SLF001 (Django's own)
            if chosen:
                made.append(table)
                rows = f"SELECT it.* FROM public.{table} AS it {chosen}"  # noqa: S608 (names of our own tables)
                cursor.execute(f"CREATE TEMPORARY TABLE {table} AS {rows}")
                cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({_key(model)})")
                cursor.execute(f"ANALYZE {table}")
        yield
    finally:
        for table in made:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{table}")


def _key(model: type[Model]) -> str:
    return str(model._meta.pk.column)  # noqa: SLF001 (Django's own)


def _chosen(model: type[Model], share: float) -> str:
    """Return SQL that chooses rows of a table; empty: they are nobody's."""
    if model is Account:
        return f"TABLESAMPLE BERNOULLI ({share:.6f})"
    columns = {field.name for field in model._meta.concrete_fields}  # noqa: SLF001 (as above)
    way = next((name for name in _WAYS_UP if name in columns), "")
    return f"JOIN pg_temp.{_WAYS_UP[way]} AS up ON up.id = it.{way}_id" if way else ""
