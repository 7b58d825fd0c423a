"""Migrations write by the connection that migrates: another one waits for its locks, for ever."""

from pathlib import Path
from typing import Final

import pytest

from tests.architecture.tree import ROOT

MIGRATIONS: Final = sorted(ROOT.glob("*/migrations/[0-9]*.py"))


def strays(text: str) -> list[str]:
    """Return the lines that reach for rows by whatever connection is the usual one."""
    found = [line.strip() for line in text.splitlines() if ".objects" in line]
    return [line for line in found if ".objects.using(schema_editor.connection.alias)" not in line]


@pytest.mark.parametrize("path", MIGRATIONS, ids=[one.stem for one in MIGRATIONS])
def test_rows_are_written_by_the_connection_that_migrates(path: Path) -> None:
    assert strays(path.read_text()) == []


def test_a_migration_that_writes_by_another_connection_is_found() -> None:
    assert strays("    rows.objects.update(a=1)") == ["rows.objects.update(a=1)"]
    assert strays("    here = rows.objects.using(schema_editor.connection.alias)") == []
