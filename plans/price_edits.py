"""The prices of a catalog's text as cells that a form shows; a new one is put in its place. Pure.

All else stays as it was written, comments and spacing too.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import tomlkit
from tomlkit.exceptions import TOMLKitError

from plans.errors import InvalidDraft
from plans.wording import gettext as _
from plans.wording import speaks_chinese

Path = tuple[str | int, ...]
Section = Literal["rate", "plan", "pack"]
# The keys of a rate that hold an amount of credits.
_AMOUNTS: Final = ("price", "base", "min", "max")
_MONEY: Final = ("list", "first", "renewal")


@dataclass(frozen=True, slots=True)
class Cell:
    """One amount of a catalog.

    Attributes:
        path: where it stands: ("rate", 0, "table", "5").
        what: what it is the price of, for a person.
        value: the amount as it is written.
        unit: "credits", or a currency with what it pays for.
    """

    path: Path
    what: str
    value: str
    unit: str

    @property
    def key(self) -> str:
        """The path as the name of a field; a key of a table may hold any letter but the mark."""
        return "|".join(str(part) for part in self.path)


@dataclass(frozen=True, slots=True)
class Item:
    """One rate, plan or pack with its amounts.

    Attributes:
        match: of a rate, which orders it prices, by dimension.
    """

    section: Section
    code: str
    title: str
    match: Mapping[str, str]
    cells: tuple[Cell, ...]


def items(source: str) -> list[Item]:
    """Return the rates, plans and packs that have an amount, in the order of the text.

    Raises:
        InvalidDraft: the text is no TOML.
    """
    document = _read(source)
    found = [
        *_items(document, "rate", "id", _of_rate),
        *_items(document, "plan", "code", _of_plan),
        *_items(document, "pack", "code", _of_pack),
    ]
    return [item for item in found if item.cells]


def changed(source: str, values: Mapping[str, str]) -> str:
    """Return the text with the amounts of `values`, by the key of their cell.

    A value that is the old one changes nothing; a key that is no cell's is passed over: the text
    has become another since.

    Raises:
        InvalidDraft: the text is no TOML.
    """
    cells = {cell.key: cell for item in items(source) for cell in item.cells}
    wanted = {
        cells[key].path: value.strip()
        for key, value in values.items()
        if key in cells and value.strip() != cells[key].value
    }
    if not wanted:
        return source
    try:
        document = tomlkit.parse(source)
    except TOMLKitError as error:
        raise InvalidDraft(str(error), field="source") from error
    for path, value in wanted.items():
        place: Any = document
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value
    return tomlkit.dumps(document)


def _read(source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # a flaw of TOML is a ValueError
        raise InvalidDraft(
            _("The text is no TOML yet, so its prices cannot be shown: mend it first."),
            field="source",
        ) from error


def _items(
    document: Mapping[str, Any],
    section: Section,
    name: str,
    cells_of: Any,  # noqa: ANN401 (one of the three below)
) -> Iterator[Item]:
    for place, row in _tables(document.get(section)):
        match = row.get("match")
        yield Item(
            section=section,
            code=str(row.get(name, place + 1)),
            title=_said(row.get("name") or row.get("label")),
            match={key: _text(value) for key, value in match.items()}
            if isinstance(match, dict)
            else {},
            cells=tuple(cells_of((section, place), row)),
        )


def _of_rate(path: Path, row: Mapping[str, Any]) -> Iterator[Cell]:
    credits_ = _("credits")
    per = str(row.get("basis", ""))
    spoken = {
        "price": _price_of(row, per),
        "base": _("before any unit"),
        "min": _("at least"),
        "max": _("at most"),
    }
    for key in _AMOUNTS:
        yield from _cell((*path, key), spoken[key], row.get(key), credits_)
    table = row.get("table")
    if isinstance(table, dict):
        for key, value in table.items():
            yield from _cell((*path, "table", key), f"{row.get('by', '')} {key}", value, credits_)
    for place, tier in _tables(row.get("tier")):
        end = tier.get("up_to")
        said = _("up to %(end)s") % {"end": end} if end else _("all further")
        yield from _cell((*path, "tier", place, "price"), said, tier.get("price"), credits_)
        once = _("%(tier)s, once") % {"tier": said}
        yield from _cell((*path, "tier", place, "flat"), once, tier.get("flat"), credits_)
    for place, part in _tables(row.get("also")):
        said = _("on top, each of %(basis)s") % {"basis": part.get("basis", "")}
        yield from _cell((*path, "also", place, "price"), said, part.get("price"), credits_)


def _price_of(row: Mapping[str, Any], basis: str) -> str:
    """Return what the price of a row is for."""
    match row.get("form"):
        case "per_unit" if row.get("block"):
            return _("each started %(block)s of %(basis)s") % {
                "block": row["block"],
                "basis": basis,
            }
        case "per_unit":
            return _("each of %(basis)s") % {"basis": basis}
        case "tokens":
            return _("each %(per)s tokens") % {"per": row.get("per", 1000)}
    return _("one output")


def _of_plan(path: Path, row: Mapping[str, Any]) -> Iterator[Cell]:
    yield from _money(path, row)
    cadences = {
        "daily": _("daily"),
        "weekly": _("weekly"),
        "monthly": _("monthly"),
        "yearly": _("yearly"),
        "rolling": _("rolling"),
        "once": _("once"),
    }
    for place, allowance in _tables(row.get("allowance")):
        cadence = str(allowance.get("cadence", ""))
        said = _("%(cadence)s credits (%(allowance)s)") % {
            "cadence": cadences.get(cadence, cadence),
            "allowance": allowance.get("code", ""),
        }
        where = (*path, "allowance", place, "credits")
        yield from _cell(where, said, allowance.get("credits"), _("credits"))


def _of_pack(path: Path, row: Mapping[str, Any]) -> Iterator[Cell]:
    yield from _money(path, row)
    yield from _cell((*path, "credits"), _("credits in the pack"), row.get("credits"), _("credits"))


def _money(path: Path, row: Mapping[str, Any]) -> Iterator[Cell]:
    spoken = {"list": _("price"), "first": _("first period"), "renewal": _("each further period")}
    for place, price in _tables(row.get("prices")):
        per = f"{price.get('currency', '')}/{price['interval']}" if "interval" in price else ""
        unit = per or str(price.get("currency", ""))
        book = f" ({price['book']})" if price.get("book") else ""
        since = f" · {price['from']}" if price.get("from") else ""
        for key in _MONEY:
            said = f"{spoken[key]}{book}{since}"
            yield from _cell((*path, "prices", place, key), said, price.get(key), unit)


def _cell(path: Path, what: str, value: object, unit: str) -> Iterable[Cell]:
    """Yield the cell of an amount, where there is one: it is a text, as every amount."""
    if isinstance(value, str):
        yield Cell(path, what, value, unit)


def _tables(found: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the tables of a list with their places; what is none is passed over."""
    if isinstance(found, list):
        for place, row in enumerate(found):
            if isinstance(row, dict):
                yield place, row


def _said(name: object) -> str:
    if isinstance(name, dict):
        first, second = ("zh", "en") if speaks_chinese() else ("en", "zh")
        return str(name.get(first) or name.get(second) or "")
    return str(name or "")


def _text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(_text(one) for one in value)
    return str(value)
