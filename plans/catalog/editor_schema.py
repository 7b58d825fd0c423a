"""The JSON Schema of a catalog file: what editors complete, explain and underline.

It describes what a file says, not what it becomes: amounts are texts, instants are TOML's own.
What single tables cannot know (names that must exist, rows that tie) is left to the loader.
"""

from collections.abc import Iterator
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DictSchema

from plans.catalog.meanings import meanings, what
from plans.catalog.rates import FORMS, AnyRate, RateRow
from plans.catalog.schema import Catalog
from plans.catalog.values import Table
from plans.credits import format_micros

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_RATE: Final = "#/$defs/Rate"
Node = dict[str, Any]


class _Untitled(GenerateJsonSchema):
    """Titles are only those that `shapes` gives: a type in words, never a name made up."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 (as the base)
        """No: the key stands in the file."""
        return False

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        """Keep the title of the values, which the base takes away."""
        made = super().dict_schema(schema)
        title = self.generate_inner(schema["values_schema"]).get("title")
        if title is not None:
            for values in made.get("patternProperties", {}).values():
                values["title"] = title
            if isinstance(made.get("additionalProperties"), dict):
                made["additionalProperties"]["title"] = title
        return made


def tables() -> dict[str, type[Table]]:
    """Return every table of a file by the name of its class: each before those inside of it."""
    found: dict[str, type[Table]] = {}

    def visit(table: type[Table]) -> None:
        if table.__name__ not in found:
            found[table.__name__] = table
            for field in table.model_fields.values():
                for below in tables_in(field):
                    visit(below)

    visit(Catalog)
    return found


def tables_in(field: FieldInfo) -> Iterator[type[Table]]:
    """Yield the tables that the value of a key may hold."""
    yield from _tables_in(field.annotation)


def _tables_in(annotation: object) -> Iterator[type[Table]]:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation
    for inner in get_args(annotation):
        yield from _tables_in(inner)


def schema() -> Node:
    """Return the JSON Schema (2020-12) of a catalog file."""
    made = Catalog.model_json_schema(schema_generator=_Untitled)
    definitions = made.pop("$defs")
    described = {
        name: _table(definitions[name], table)
        for name, table in sorted(tables().items())
        if table is not Catalog
    }
    return {
        "$schema": DIALECT,
        "title": "Linggan catalog",
        **_table(made, Catalog),
        "$defs": {**described, "Rate": _rate(described)},
    }


def _rate(described: Node) -> Node:
    """Return the schema of a row of a rate card, which its `form` decides.

    All keys of all forms stand in it as well, so that an editor offers them before the form is
    written, and underlines the key that is wrong instead of the whole row.
    """
    forms = [described[form.__name__] for form in get_args(AnyRate)]
    offered = {
        key: {"description": shape["description"]}
        for form in reversed(forms)
        for key, shape in form["properties"].items()
    }
    return {
        "type": "object",
        "description": what(RateRow),
        "properties": {
            **offered,
            "form": {"enum": list(FORMS), "description": "How the price is found."},
        },
        "required": ["form"],
        "allOf": [
            {
                "if": {"properties": {"form": form["properties"]["form"]}, "required": ["form"]},
                "then": {"$ref": f"#/$defs/{name.__name__}"},
            }
            for name, form in zip(get_args(AnyRate), forms, strict=True)
        ],
    }


def _table(made: Node, table: type[BaseModel]) -> Node:
    """Return the schema of one table, each of its keys with what it means."""
    assert issubclass(table, Table), "a file holds tables"
    told = meanings(table)
    properties = {
        key: {**_written(node), "description": told[key]}
        for key, node in made["properties"].items()
    }
    required = {"required": made["required"]} if made.get("required") else {}
    return {
        "type": "object",
        "description": what(table),
        "properties": properties,
        **required,
        "additionalProperties": False,
    }


def _written(node: Node) -> Node:
    """Return the schema of a value as a file may write it: TOML has no null, amounts are texts."""
    if "discriminator" in node:
        return {"$ref": _RATE}
    kept = dict(node)
    default = kept.pop("default", None)
    if "anyOf" in kept:
        choices = [one for one in kept.pop("anyOf") if one != {"type": "null"}]
        kept = {**_written(choices[0]), **kept} if len(choices) == 1 else {"anyOf": choices, **kept}
    if "items" in kept:
        kept["items"] = _written(kept["items"])
    if kept.get("type") == "array" and "minLength" in kept:
        kept["minItems"] = kept.pop("minLength")
    if "patternProperties" in kept:
        inner = kept["patternProperties"]
        kept["patternProperties"] = {name: _written(one) for name, one in inner.items()}
        kept["additionalProperties"] = False
    if default not in (None, [], {}) and not isinstance(default, dict):
        amount = kept.get("type") == "string" and type(default) is int
        kept["default"] = format_micros(default) if amount else default
    return kept
