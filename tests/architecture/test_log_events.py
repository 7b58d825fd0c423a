"""What the log says of trouble stands in a table of docs/operations.md, and nothing else does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.architecture.tree import PACKAGES, ROOT, files, parsed, place

OPERATIONS: Final = ROOT / "docs" / "operations.md"
# What a person may have to act on; what is only told (`info`) needs no page.
TROUBLE: Final = {"critical", "error", "exception", "warning"}
_TABLE: Final = re.compile(r"^\| event \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)


def trouble() -> Iterator[tuple[Path, ast.Call]]:
    """Yield each call that logs trouble, and each sweep that would, with its file."""
    for path in files(*PACKAGES):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and (is_logged(node.func) or is_sweep(node.func)):
                yield path, node


def is_logged(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in TROUBLE
        and ast.unparse(function.value).rpartition(".")[2] in {"_log", "log", "logger", "_logger"}
    )


def is_sweep(function: ast.expr) -> bool:
    return ast.unparse(function).rpartition(".")[2] == "Sweep"


def event_of(path: Path, call: ast.Call) -> str:
    """Return under which event a call logs; a constant of its file is looked up there."""
    [said] = call.args[:1]
    if isinstance(said, ast.Name):
        [said] = [
            node.value
            for node in parsed(path).body
            if isinstance(node, ast.AnnAssign)
            and node.value is not None
            and ast.unparse(node.target) == said.id
        ]
    assert isinstance(said, ast.Constant), f"{place(path, call)}: an event is a word, not reckoned"
    assert isinstance(said.value, str)
    return said.value


def logged() -> set[str]:
    # The sweep itself logs under the name that it was given.
    return {
        event_of(path, call) for path, call in trouble() if path != ROOT / "billing" / "sweeps.py"
    }


def explained() -> set[str]:
    """Return the events of the tables of operations.md."""
    rows = "".join(_TABLE.findall(OPERATIONS.read_text(encoding="utf-8")))
    cells = re.findall(r"^\| (.*?) \|", rows, re.MULTILINE)
    return {event for cell in cells for event in re.findall(r"`([^`]+)`", cell)}


def test_what_the_log_says_of_trouble_stands_in_operations() -> None:
    assert sorted(logged() - explained()) == []


def test_what_operations_explain_can_be_in_the_log() -> None:
    assert sorted(explained() - logged()) == []


def test_events_of_each_kind_are_found() -> None:
    assert {"message_is_dead", "late_success", "lapse_stumbled", "sweep_stumbled"} <= logged()
    assert "change_not_paid" not in logged()
