"""Lints a copy of the tree, again and again, each time with one thing planted in it.

A program of its own (`python planting.py < plants.json` in the copy), because the linter looks
for packages in `sys.path`, and the tests have those of the real tree imported.
"""

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

from importlinter import api  # noqa: F401 (importing it configures the linter)
from importlinter.application import rendering, use_cases
from importlinter.application.user_options import UserOptions


def lint(options: UserOptions, contract: str) -> dict[str, Any]:
    """Return whether the contract ("" for all) is broken, and what the linter says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        report = use_cases.create_report(
            options, limit_to_contracts=(contract,) if contract else (), cache_dir=None
        )
        rendering.render_report(report)
    return {"broken": report.contains_failures, "said": " ".join(said.getvalue().split())}


def planted(options: UserOptions, plant: dict[str, str]) -> dict[str, Any]:
    """Return what the linter says while the plant is there; then take it out again."""
    path = Path(plant["file"])
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{plant['line']}\n")
    try:
        return lint(options, plant["contract"])
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def main() -> None:
    """Answer each plant on standard input, and first the tree as it is."""
    sys.path.insert(0, str(Path.cwd()))
    options = use_cases.read_user_options(config_filename="pyproject.toml")
    use_cases._register_contract_types(options)
    answers = [lint(options, "")]
    answers.extend(planted(options, plant) for plant in json.load(sys.stdin))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
