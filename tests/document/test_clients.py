"""Clients that others generate from the document: they are typed, and they work.

Both are generated anew in each run, into a folder of the test's own.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_django.live_server_helper import LiveServer

from billing.accounts import tokens
from tests.document import node
from tests.stories.quick_cog import QuickCog

CLIENTS: Final = node.HERE / "clients"
BIN: Final = Path(sys.executable).parent
# What both come to: thirty credits were given, five bought a film, sixty seconds are too dear.
FIRST_STEPS: Final = {
    "gift": "30",
    "quote": "5",
    "status": "succeeded",
    "captured": "5",
    "available": "25",
    "entries": ["capture", "hold", "grant"],
    "refused": [402, "insufficient_credits", 402],
}
_SECONDS: Final = 240


def token_of(name: str) -> str:
    """Return what a person of the platform proves himself by."""
    lifetime = timedelta(hours=1)
    return tokens.sign(name, lifetime=lifetime, is_sandbox=True, now=datetime.now(UTC))


@pytest.fixture(scope="session")
def contract(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document as a file."""
    file = tmp_path_factory.mktemp("contract") / "openapi.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def typescript(contract: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the types of the document, and what is written by them."""
    folder = tmp_path_factory.mktemp("typescript")
    for file in ("smoke.ts", "tsconfig.json"):
        shutil.copy(CLIENTS / file, folder)
    shutil.copy(node.HERE / "package.json", folder)
    modules = node.installed(node.HERE) / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    node.tool("openapi-typescript", str(contract), "--output", str(folder / "contract.d.ts"))
    return folder


@pytest.fixture(scope="session")
def python(contract: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated package, and what is written by it."""
    folder = tmp_path_factory.mktemp("python")
    shutil.copy(CLIENTS / "smoke.py", folder)
    said = run(
        *(str(BIN / "openapi-python-client"), "generate", "--path", str(contract)),
        *("--meta", "none", "--output-path", str(folder / "vivid_client")),
        *("--config", str(CLIENTS / "generator.yaml"), "--fail-on-warning"),
        folder=folder,
    )
    assert "Warning" not in said
    return folder


def run(*command: str, folder: Path, **variables: str) -> str:
    """Run a program and return what it said; it has to succeed."""
    said = subprocess.run(  # noqa: S603 (our own words)
        command,
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert said.returncode == 0, f"{said.stdout}\n{said.stderr}"
    return said.stdout


def test_what_is_written_by_the_types_of_typescript_is_sound(typescript: Path) -> None:
    node.tool("tsc", "--project", str(typescript))


def test_what_is_written_against_the_types_of_typescript_is_refused(typescript: Path) -> None:
    smoke = (typescript / "smoke.ts").read_text()
    wrong = typescript / "wrong.ts"
    wrong.write_text(smoke.replace('"insufficient_credits"', '"sufficient_credits"'))
    try:
        with pytest.raises(AssertionError, match=r"wrong\.ts.*sufficient_credits"):
            node.tool("tsc", "--project", str(typescript))
    finally:
        wrong.unlink()


@pytest.mark.flow
def test_the_client_of_typescript_takes_its_first_steps(
    vivid: QuickCog, live_server: LiveServer, typescript: Path
) -> None:
    said = node.node("smoke.ts", folder=typescript, API=live_server.url, TOKEN=token_of("ada"))

    assert json.loads(said) == FIRST_STEPS


def test_what_is_written_by_the_client_of_python_is_sound(python: Path) -> None:
    run(
        *(str(BIN / "mypy"), "--strict", "--config-file", os.devnull),
        *("--follow-imports", "silent", "smoke.py"),
        folder=python,
    )


@pytest.mark.flow
def test_the_client_of_python_takes_its_first_steps(
    vivid: QuickCog, live_server: LiveServer, python: Path
) -> None:
    said = run(
        sys.executable, "smoke.py", folder=python, API=live_server.url, TOKEN=token_of("ada")
    )

    assert json.loads(said) == FIRST_STEPS
