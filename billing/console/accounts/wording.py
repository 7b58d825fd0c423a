"""How the page says amounts, instants and rows: with their units, their zone, and as links."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import localize

from plans.credits import format_micros

Cell = str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind, the newest first.

    Attributes:
        anchor: its name within the page.
        heads: what stands above each column; those of amounts name their unit.
        all_path: where all of them are; empty: they are all here.
        says: what stands here, and when, for whoever finds it empty.
    """

    anchor: str
    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    all_path: str
    says: str


def credits_text(micros: int | None) -> str:
    """Return credits as a person reads them: "1,234.5"."""
    return "-" if micros is None else f"{Decimal(format_micros(micros)):,f}"


def instant_text(at: datetime | None) -> str:
    """Return an instant with its zone."""
    return "-" if at is None else str(localize(timezone.localtime(at)))
