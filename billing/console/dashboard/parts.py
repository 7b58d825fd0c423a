"""What a page is made of: sections of tiles, a chart, and tables that say the same. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tile:
    """One number.

    Attributes:
        value: with its unit.
        change: against the period before, in percent; "": nothing to compare with.
        means: what exactly is counted.
    """

    name: str
    value: str
    means: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table, on the page and as a file.

    Attributes:
        heads: the first of `names` are of text, the others of numbers, with their unit.
        names: how many columns name a row.
    """

    code: str
    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs together, and is seen by the same people.

    Attributes:
        as_of: when its newest numbers were added up; None: they are of now, or there are none.
        empty: what will stand here, where nothing stands yet.
    """

    code: str
    title: str
    tiles: Sequence[Tile] = ()
    chart: str = ""
    chart_says: str = ""
    sheets: Sequence[Sheet] = field(default_factory=list)
    as_of: datetime | None = None
    empty: str = ""


def change(now: int, before: int) -> str:
    """Return a change in percent, such as "+12.5 %"; "": there was nothing before."""
    if before <= 0:
        return ""
    tenths = round((now - before) * 1000 / before)
    sign = "+" if tenths > 0 else "\u2212" if tenths < 0 else "±"
    whole, tenth = divmod(abs(tenths), 10)
    return f"{sign}{whole}.{tenth} %"


def share(part: int, whole: int) -> str:
    """Return a share with its unit, such as "12.5 %"; "-": of nothing."""
    said = percent(part, whole)
    return f"{said} %" if said else "-"


def percent(part: int, whole: int) -> str:
    """Return a share in percent as a table writes it, such as "12.5"; "": of nothing."""
    if whole <= 0:
        return ""
    tenths = round(part * 1000 / whole)
    whole_tenths, tenth = divmod(abs(tenths), 10)
    return f"{'-' if tenths < 0 else ''}{whole_tenths}.{tenth}"
