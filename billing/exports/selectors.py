"""The rows of a table, in chunks of one known size, as the table stood when it was begun."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

from billing.accounts.models import Account
from billing.exports.columns import TABLES, Kind
from billing.jobs import selectors as jobs
from billing.ledger import selectors as ledger

CHUNK_ROWS: Final = 1000
Chunk = list[tuple[Any, ...]]


def chunks(
    account: Account, kind: Kind, *, since: datetime | None, until: datetime | None
) -> Iterator[Chunk]:
    """Yield the rows of a table, the oldest first, a value for each column.

    Each chunk is a query of its own that goes on behind the last row: no cursor and no transaction
    is kept open for a slow reader. What was written after the first query is left out. An entry
    never changes; an order is told as it stands when its chunk is read.

    Args:
        since, until: of entries, those that count from then on, and before; of orders, those
            that were ordered then.
    """
    rows, key, instant = _table(account, kind)
    if since is not None:
        rows = rows.filter(**{f"{instant}__gte": since})
    if until is not None:
        rows = rows.filter(**{f"{instant}__lt": until})
    newest = rows.order_by(f"-{key}").values_list(key, flat=True).first()
    if newest is None:
        return
    fields = [column.field for column in TABLES[kind].values()]
    rows = rows.filter(**{f"{key}__lte": newest}).order_by(key)
    found: Chunk = list(rows.values_list(key, *fields)[:CHUNK_ROWS])
    while found:
        yield [row[1:] for row in found]
        if found[-1][0] == newest:
            return
        behind = rows.filter(**{f"{key}__gt": found[-1][0]})
        found = list(behind.values_list(key, *fields)[:CHUNK_ROWS])


def _table(account: Account, kind: Kind) -> tuple[QuerySet[Any, Any], str, str]:
    """Return an account's rows of a kind, by what they grow, and the instant that places them."""
    if kind == Kind.LEDGER:
        return ledger.entries(account), "seq", "effective_at"
    return jobs.orders_of(account), "pk", "ordered_at"
