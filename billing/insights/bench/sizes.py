"""Weighs what a row costs on the disk, with its indexes, in a database that is thrown away.

Indexes are made anew over all rows, so they are as dense as they can be: a database in use weighs
more, by what its pages have free.
"""

from dataclasses import dataclass

from django.db import connection
from psycopg import sql

from billing.insights.bench import card, rows
from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Report
from billing.insights.bench.place import throw_away_database
from plans.catalog import publish


@dataclass(frozen=True, slots=True)
class Bulk:
    """What the rows of one table take: the table, its indexes, and what is stored beside it."""

    table: str
    rows: int
    total_bytes: int

    @property
    def row_bytes(self) -> int:
        """What one row takes, rounded."""
        return round(self.total_bytes / self.rows)


def report(asked: Asked) -> Report:
    """Fill a database that is gone afterwards with `asked.accounts` lives, and weigh it."""
    with throw_away_database(needed_bytes=asked.accounts * rows.ACCOUNT_BYTES):
        publish.publish(card.text(10), now=asked.now)
        rows.fill(accounts=asked.accounts, now=asked.now)
        return Report(rows=weigh())


def weigh() -> list[Bulk]:
    """Return the weights of the tables that `bench.rows` fills and that have rows."""
    found = []
    with connection.cursor() as cursor:
        for model in rows.TABLES:
            table = model._meta.db_table  # noqa: SLF001 (Django documents it)
            cursor.execute(
                sql.SQL(
                    # Only what is partitioned has leaves.
                    "SELECT (SELECT count(*) FROM {table}), COALESCE("
                    "(SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(%s) "
                    "WHERE isleaf), pg_total_relation_size(%s))"
                ).format(table=sql.Identifier(table)),
                [table, table],
            )
            number, total_bytes = cursor.fetchone()
            if number:
                found.append(Bulk(table, number, int(total_bytes)))
    return found
