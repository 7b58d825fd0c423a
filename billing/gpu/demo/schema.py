"""The OpenAPI schema of the predictor, made from its signature.

`cog build` would make it. Without it coglet validates nothing: a bad order would run.
"""

import inspect
from typing import Any, Final

from cog.input import FieldInfo  # type: ignore[import-untyped]  # it ships no types

from billing.gpu.demo.predict import Predictor

_TYPES: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema() -> dict[str, Any]:
    """Return the document that coglet reads from `.cog/openapi_schema.json`."""
    inputs = inspect.signature(Predictor.run).parameters
    properties = {
        name: {"x-order": order, **_property(parameter)}
        for order, (name, parameter) in enumerate(list(inputs.items())[1:])
    }
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {},
        "components": {
            "schemas": {
                "Input": {
                    "title": "Input",
                    "type": "object",
                    "required": [n for n, shape in properties.items() if "default" not in shape],
                    "properties": properties,
                },
                "Output": {
                    "title": "Output",
                    "type": "array",
                    "items": {"type": "string", "format": "uri"},
                },
            }
        },
    }


def _property(parameter: inspect.Parameter) -> dict[str, object]:
    bounds = parameter.default
    assert isinstance(bounds, FieldInfo), "every input declares its bounds"
    shape = {
        "type": _TYPES[parameter.annotation],
        "description": bounds.description,
        "default": bounds.default,
        "minimum": bounds.ge,
        "maximum": bounds.le,
        "minLength": bounds.min_length,
        "maxLength": bounds.max_length,
        "enum": bounds.choices,
    }
    return {name: value for name, value in shape.items() if value is not None}
