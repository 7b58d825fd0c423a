"""The document passes the linter that others judge it by, and the linter would bite."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.document import node


def lint(document: dict[str, Any], folder: Path) -> str:
    """Return what the linter says of a document without a fault."""
    file = folder / "openapi.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    config = str(node.HERE / "redocly.yaml")
    return node.tool("redocly", "lint", str(file), "--config", config, REDOCLY_TELEMETRY="off")


def test_the_document_passes_its_linter(document: dict[str, Any], tmp_path: Path) -> None:
    lint(document, tmp_path)


def test_an_operation_without_a_summary_would_be_seen(
    document: dict[str, Any], tmp_path: Path
) -> None:
    silent = json.loads(json.dumps(document))
    del silent["paths"]["/v1/quotes"]["post"]["summary"]

    with pytest.raises(AssertionError, match="operation-summary"):
        lint(silent, tmp_path)


def test_an_example_of_another_shape_would_be_seen(
    document: dict[str, Any], tmp_path: Path
) -> None:
    wrong = json.loads(json.dumps(document))
    answer = wrong["paths"]["/v1/quotes"]["post"]["responses"]["200"]
    for example in answer["content"]["application/json"]["examples"].values():
        example["value"]["admissible"] = "perhaps"

    with pytest.raises(AssertionError, match="no-invalid-media-type-examples"):
        lint(wrong, tmp_path)
