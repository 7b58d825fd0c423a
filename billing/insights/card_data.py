"""Whether card data is kept anywhere: by the names of columns, by what they hold, and in logs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection, transaction

from billing.http import cards

_CHUNK: Final = 1_000
_OF_A_CARD: Final = re.compile(
    r"(?:^|_)(?:pan|cvc2?|cvv2?|cvn2?|csc|card_?(?:no|num|number|code)|cardholder(?:_name)?"
    r"|security_code|track(?:_?[12])?(?:_?data)?|pin_?block|exp(?:iry|iration)?_?(?:month|year))"
    r"(?:_|$)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something of a card is, or could be; never the number itself.

    Attributes:
        where: a column, or a file and its line.
        row: which row of the column; "" where the column itself is meant, and of files.
        shown: the number's last four digits; "" of a column.
    """

    where: str
    row: str
    shown: str

    def __str__(self) -> str:
        """Return it as one line."""
        return " ".join(one for one in (self.where, self.row, self.shown) if one)


def columns() -> list[Place]:
    """Return the columns whose name says that they hold something of a card."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        named = [(table, column) for table, _key, column, _type in cursor.fetchall()]
    return [
        Place(f"{table}.{column}", "", "") for table, column in named if _OF_A_CARD.search(column)
    ]


def rows() -> Iterator[Place]:
    """Yield the card numbers that stand in any text of the database, of numbers and JSON too."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        found = cursor.fetchall()
    for table, key, column, _type in found:
        yield from _in_column(table, key, column)


def lines(path: Path) -> Iterator[Place]:
    """Yield the card numbers that stand in a file, by its lines."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            for one in cards.numbers_in(line):
                yield Place(f"{path}:{number}", "", cards.masked(one))


def _in_column(table: str, key: str, column: str) -> Iterator[Place]:
    """Yield what one column holds; the database passes over what has no long row of digits."""
    quote = connection.ops.quote_name
    statement = (
        f"SELECT {quote(key)}::text, {quote(column)}::text FROM {quote(table)}"  # noqa: S608 (names are the catalog's own, and quoted)
        f" WHERE {quote(column)}::text ~ '[0-9]([ -]?[0-9]){{12,}}'"
    )
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(statement)
        while some := cursor.fetchmany(_CHUNK):
            for row, text in some:
                for one in cards.numbers_in(text):
                    yield Place(f"{table}.{column}", row, cards.masked(one))


# Every column that can hold a text or a long number, with the first column of its table's key.
_COLUMNS: Final = """
    SELECT c.relname, k.attname, a.attname, t.typname
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = COALESCE(
        (SELECT i.indkey[0] FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary), 1)
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND t.typname IN ('varchar', 'text', 'bpchar', 'json', 'jsonb', 'int8', 'numeric',
                        '_text', '_varchar')
    ORDER BY c.relname, a.attnum
"""
