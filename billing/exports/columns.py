"""What stands in the tables: names as the API says them, and how a row becomes a record. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from plans.credits import format_micros

Cells = list[str | int | None]


class Kind(StrEnum):
    """Of what a table is; the names are public."""

    LEDGER = "ledger"
    USAGE = "usage"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        field: what is read of the row.
        says: how that is written; None: as it is.
    """

    field: str
    says: Callable[[Any, ZoneInfo], str | int | None] | None = None


def _credits(micros: int | None, _zone: ZoneInfo) -> str | None:
    return None if micros is None else format_micros(micros)


def _instant(at: datetime | None, zone: ZoneInfo) -> str | None:
    return None if at is None else at.astimezone(zone).isoformat(timespec="milliseconds")


TABLES: Final[Mapping[Kind, Mapping[str, Column]]] = {
    Kind.LEDGER: {
        "id": Column("pk"),
        "seq": Column("seq"),
        "type": Column("kind"),
        "credits": Column("amount_micros", _credits),
        "grant": Column("grant_id"),
        "source": Column("grant__source"),
        "hold": Column("hold_id"),
        "balance_after": Column("available_after_micros", _credits),
        "held_after": Column("held_after_micros", _credits),
        "cause_type": Column("cause_type"),
        "cause_id": Column("cause_id"),
        "actor_type": Column("actor_type"),
        "actor_id": Column("actor_id"),
        "effective_at": Column("effective_at", _instant),
        "created_at": Column("created_at", _instant),
    },
    Kind.USAGE: {
        "id": Column("pk"),
        "member": Column("member__account__external_id"),
        "model": Column("model"),
        "task": Column("dimensions__task"),
        "lane": Column("lane"),
        "plan": Column("plan"),
        "status": Column("status"),
        "failure_class": Column("failure_class"),
        "quoted": Column("quoted_micros", _credits),
        "charged": Column("charged_micros", _credits),
        "outputs_ordered": Column("outputs_ordered"),
        "outputs_made": Column("outputs_made"),
        "ordered_at": Column("ordered_at", _instant),
        "finished_at": Column("finished_at", _instant),
    },
}
assert set(TABLES) == set(Kind), "every table says its columns"


def head(kind: Kind) -> Cells:
    """Return the first record: what the columns are called."""
    return list(TABLES[kind])


def cells(kind: Kind, row: tuple[Any, ...], zone: ZoneInfo) -> Cells:
    """Return the record of a row, which has a value for each column; instants by `zone`."""
    return [
        column.says(value, zone) if column.says is not None else value
        for column, value in zip(TABLES[kind].values(), row, strict=True)
    ]


def end(kind: Kind, rows: int) -> Cells:
    """Return the last record, by which a reader knows that nothing was cut off: end, and how many.

    As wide as the others; no row's id is "end".
    """
    return ["end", rows, *[None] * (len(TABLES[kind]) - 2)]
