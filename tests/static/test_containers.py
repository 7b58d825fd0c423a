"""docker-compose.yml is such as an engine takes: by another's reading of its specification."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from compose_spec import PyCompose  # type: ignore[import-not-found]  # it lives apart

_FILE: Final = Path(__file__).parents[2] / "docker-compose.yml"
_VARIABLE: Final = re.compile(r"(?<!\$)\$\{[A-Z_]+:?[-?][^{}]*\}")


def _filled_in() -> dict[str, Any]:
    """Return the file with a word in the place of each variable; a default may hold another."""
    inner = _VARIABLE.sub("set", _FILE.read_text())
    found: dict[str, Any] = yaml.safe_load(_VARIABLE.sub("set", inner))
    return {name: value for name, value in found.items() if not name.startswith("x-")}


def test_an_engine_takes_the_containers() -> None:
    read = PyCompose.from_json(json.dumps(_filled_in()))

    read.validate()
    assert "pgbouncer" in read.service_names()


def test_a_slip_of_the_pen_would_be_seen() -> None:
    wrong = _filled_in()
    wrong["services"]["web"]["healthchek"] = {}

    with pytest.raises(ValueError, match="healthchek"):
        PyCompose.from_json(json.dumps(wrong))
