"""What one catalog changes against another, as lines that a person reads before publishing."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plans.catalog.schema import Catalog
from plans.wording import gettext as _

# The lists whose items have a name are compared by it, the others by their place in the list.
# What is a name only together with others: a price is one of a currency, for a time and a book.
_NAMES: Final = (("code",), ("id",), ("currency", "interval", "book", "from"), ("key",))


def diff(old: Catalog | None, new: Catalog) -> list[str]:
    """Return one line for each thing that `new` adds (+), removes (-) or changes (~)."""
    before = _flat(old.model_dump(by_alias=True, mode="json")) if old is not None else {}
    after = _flat(new.model_dump(by_alias=True, mode="json"))
    return [*_gone(before, after), *_come(before, after), *_changed(before, after)]


def leaves(table: dict[str, Any]) -> dict[str, str]:
    """Return the values of a written table by their paths, for one that is compared alone."""
    return dict(_leaves("", table))


def _item(path: str) -> str:
    """Return the named thing that `path` belongs to: "rate v16-std", or the path itself."""
    return path.split(" / ", 1)[0]


def _gone(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    left = {_item(path) for path in after}
    return [f"- {item}" for item in _once(before) if item not in left]


def _come(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    known = {_item(path) for path in before}
    return [f"+ {item}" for item in _once(after) if item not in known]


def _once(paths: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(_item(path) for path in paths))


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    both = {_item(path) for path in before} & {_item(path) for path in after}
    nothing = _("nothing")
    return [
        f"~ {path}: {before.get(path, nothing)} → {after.get(path, nothing)}"
        for path in {**before, **after}
        if _item(path) in both and before.get(path) != after.get(path)
    ]


def _flat(document: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for place, item in enumerate(value, 1):
                name = f"{key} {_name(item, place)}"
                found[name] = _("there")
                found.update(_leaves(f"{name} / ", item))
        else:
            found.update(_leaves("", {key: value}))
    return found


def _name(item: dict[str, Any], place: int) -> str:
    for names in _NAMES:
        if item.get(names[0]) is not None:
            return " ".join(str(item[name]) for name in names if item.get(name) is not None)
    return str(place)


def _leaves(prefix: str, table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(f"{prefix}{key}.", value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for place, item in enumerate(value, 1):
                yield from _leaves(f"{prefix}{key} {_name(item, place)} ", item)
        elif value is not None and value != []:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{prefix}{key}", shown
