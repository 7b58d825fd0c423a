"""The reference of catalog files, as Markdown: every table and key, from the JSON Schema."""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from plans.catalog.editor_schema import schema, tables, tables_in
from plans.catalog.examples import example
from plans.catalog.rates import RateRow
from plans.catalog.schema import Catalog
from plans.catalog.values import WHOLE_MAX, Table

MARK: Final = "<!-- From here on made by `./run manage export_catalog_docs`: do not edit. -->"
_PATHS_MAX: Final = 4
_RATES: Final = "[[rate]]"
_EVERY_FORM: Final = f"`{_RATES}`, every form"
_HEAD: Final = "| key | type | default | meaning | example |\n|---|---|---|---|---|"
_MARKUP: Final = re.compile(r"[`\[\]]")
_ANCHORED: Final = re.compile(r"[^\w\- ]")


def renewed(document: str) -> str:
    """Return `document` with the reference after its mark as the schema says it.

    Raises:
        ValueError: the document has no mark.
    """
    told, mark, _old = document.partition(MARK)
    if not mark:
        raise ValueError("The document has no mark after which the reference stands.")
    return f"{told}{MARK}\n\n{reference()}"


def reference() -> str:
    """Return the reference: a section for each table, in the order in which a file has them."""
    made = schema()
    nodes: dict[str, dict[str, Any]] = {**made["$defs"], "Catalog": made}
    paths = _paths()
    heads = {name: _heading(table, paths[name]) for name, table in tables().items()}
    heads["Rate"] = _EVERY_FORM
    sections = ["## Reference: every table and every key"]
    forms = [name for name, table in tables().items() if issubclass(table, RateRow)]
    for name, table in tables().items():
        if name in forms[:1]:
            sections.append(_every_rate(nodes[name], table, heads, paths[name]))
        sections.append(_section(nodes[name], table, heads, paths[name]))
    return "\n\n".join(sections) + "\n"


def _paths() -> dict[str, list[str]]:
    """Return where each table may stand in a file, as headers are written."""
    found: dict[str, list[str]] = {"Catalog": [""]}
    waiting: list[tuple[type[Table], str]] = [(Catalog, "")]
    while waiting:
        table, above = waiting.pop(0)
        for name, field in table.model_fields.items():
            key = field.alias or name
            inside = f"{above}.{key}".removeprefix(".")
            plain = inside.replace("[", "").replace("]", "")
            many = "tuple" in str(field.annotation)
            named = str(field.annotation).startswith("dict")
            path = f"[[{plain}]]" if many else f"[{plain}.NAME]" if named else f"[{plain}]"
            for below in tables_in(field):
                if path not in found.setdefault(below.__name__, []):
                    found[below.__name__].append(path)
                    waiting.append((below, path))
    return found


def _heading(table: type[Table], paths: list[str]) -> str:
    if table is Catalog:
        return "The top of the file"
    if table.__name__ == "Text":
        return "Texts"
    if issubclass(table, RateRow):
        return f'`{_RATES}` with `form = "{_form(table)}"`'
    return f"`{paths[0]}`"


def _form(table: type[Table]) -> str:
    return re.sub(r".*'(\w+)'.*", r"\1", str(table.model_fields["form"].annotation))


def _every_rate(
    node: Mapping[str, Any], table: type[Table], heads: Mapping[str, str], paths: list[str]
) -> str:
    """Return the section of the keys that rows of every form have."""
    keys = [field.alias or name for name, field in RateRow.model_fields.items()]
    told = "What every row of a rate card has, whatever its form."
    return "\n\n".join(
        [f"### {_EVERY_FORM}", f"{told}{_also_at(paths)}", _rows(node, table, keys, heads)]
    )


def _section(
    node: Mapping[str, Any], table: type[Table], heads: Mapping[str, str], paths: list[str]
) -> str:
    own = inspect.get_annotations(table)
    names = sorted(table.model_fields, key=lambda name: name not in own)  # then what it extends
    keys = [table.model_fields[name].alias or name for name in names]
    more = ""
    if issubclass(table, RateRow):
        shared = {field.alias or name for name, field in RateRow.model_fields.items()}
        keys = [key for key in keys if key not in shared]
        more = "\n\nIt also has the keys of every form, above."
    elif table.__name__ != "Text":
        more = _also_at(paths)
    return "\n\n".join(
        [
            f"### {heads[table.__name__]}",
            f"{node['description']}{more}",
            _rows(node, table, keys, heads),
        ]
    )


def _also_at(paths: list[str]) -> str:
    further = [f"`{path}`" for path in paths[1:_PATHS_MAX]]
    return f"\n\nAlso as {', '.join(further)}." if further else ""


def _rows(
    node: Mapping[str, Any], table: type[Table], keys: list[str], heads: Mapping[str, str]
) -> str:
    rows = [_HEAD]
    required = node.get("required", [])
    for key in keys:
        shape = node["properties"][key]
        shown = example(table, key)
        assert shown is not None, f"{table.__name__}.{key} has no example"
        default = "**needed**" if key in required else _default(shape)
        code = "<br>".join(f"`{line}`" for line in shown.splitlines())
        rows.append(
            f"| `{key}` | {words(shape, heads)} | {default} | {shape['description']} | {code} |"
        )
    return "\n".join(rows)


def _default(shape: Mapping[str, Any]) -> str:
    return f"`{_written(shape['default'])}`" if "default" in shape else "–"  # noqa: RUF001 (a dash in print)


def _written(value: object) -> str:
    """Return a value as a catalog writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_written(one)}" for key, one in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else str(value)


def words(shape: Mapping[str, Any], heads: Mapping[str, str]) -> str:
    """Return a type in words; a table as a link to its section."""
    for key, told in _WORDS.items():
        if key in shape:
            return told(shape, heads)
    return _PLAIN[shape["type"]](shape)


def _listed(shape: Mapping[str, Any], heads: Mapping[str, str]) -> str:
    return f"list of {words(shape['items'], heads).removeprefix('table: ')}"


def _named(shape: Mapping[str, Any], heads: Mapping[str, str]) -> str:
    inner = shape.get("additionalProperties") or next(iter(shape["patternProperties"].values()))
    return f"table of NAME = {words(inner, heads).removeprefix('table: ')}"


def _whole(shape: Mapping[str, Any]) -> str:
    low, high = shape.get("minimum"), shape.get("maximum", WHOLE_MAX)
    return f"whole number, {low} {'or more' if high >= WHOLE_MAX else f'to {high}'}"


def _link(shape: Mapping[str, Any], heads: Mapping[str, str]) -> str:
    heading = heads[shape["$ref"].rpartition("/")[2]]
    return f"table: [{_MARKUP.sub('', heading)}](#{anchor(heading)})"


_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], str]]] = {
    "$ref": _link,
    "title": lambda shape, _heads: str(shape["title"]),
    "const": lambda shape, _heads: f"`{json.dumps(shape['const'])}`",
    "enum": lambda shape, _heads: "one of " + ", ".join(f'`"{one}"`' for one in shape["enum"]),
    "anyOf": lambda shape, heads: " or ".join(words(one, heads) for one in shape["anyOf"]),
    "additionalProperties": _named,
    "items": _listed,
}
_PLAIN: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "boolean": lambda _shape: "`true` or `false`",
    "integer": _whole,
    "string": lambda _shape: "text in quotes",
}


def anchor(heading: str) -> str:
    """Return the anchor that a Markdown heading is given."""
    return _ANCHORED.sub("", heading.lower()).strip().replace(" ", "-")
