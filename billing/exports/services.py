"""Exports: a table is written down, then handed over piece by piece."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models.functions import Now

from billing.accounts.models import Account
from billing.exports import columns, selectors
from billing.exports.columns import Kind
from billing.exports.models import Export
from billing.http.requests import request_id
from billing.http.spreadsheets import BOM, record
from billing.ledger.services import Actor


def export(
    *,
    account: Account,
    kind: Kind,
    since: datetime | None,
    until: datetime | None,
    with_bom: bool,
    actor: Actor,
    now: datetime,
) -> Iterator[str]:
    """Write down that a table leaves the service, and return its pieces.

    Args:
        since, until: as `selectors.chunks`.
        with_bom: begin with the mark by which Excel knows UTF-8.
    """
    written = _begin(
        account=account,
        kind=kind,
        since=since,
        until=until,
        actor_type=actor.type,
        actor_id=actor.id,
        request_id=request_id(),
        begun_at=now,
    )
    return _pieces(written, with_bom=with_bom)


@transaction.atomic(durable=True)
def _begin(**facts: Any) -> Export:  # noqa: ANN401 (the columns of the row)
    """Write down that a table leaves the service, before any of it does."""
    return Export.objects.create(**facts)


def _pieces(export: Export, *, with_bom: bool) -> Iterator[str]:
    """Yield the table of an export; its memory is that of one chunk, however long the table is.

    The last record says "end" and how many rows came before it: a table without it was cut off.
    However it ends, the export says how many rows were handed over, and whether that is all.
    """
    kind, zone = Kind(export.kind), ZoneInfo(export.account.zone)
    rows, is_whole = 0, False
    try:
        yield (BOM if with_bom else "") + record(columns.head(kind))
        for chunk in selectors.chunks(export.account, kind, since=export.since, until=export.until):
            yield "".join(record(columns.cells(kind, row, zone)) for row in chunk)
            rows += len(chunk)
        yield record(columns.end(kind, rows))
        is_whole = True
    finally:
        _end(export, rows=rows, is_whole=is_whole)


@transaction.atomic(durable=True)
def _end(export: Export, *, rows: int, is_whole: bool) -> None:
    """Write down how much of a table was handed over."""
    Export.objects.filter(pk=export.pk).update(ended_at=Now(), rows=rows, is_whole=is_whole)
