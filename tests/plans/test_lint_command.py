"""`lint_catalog`: for people by line, for programs as JSON, for builds by its exit code."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.unit.shelf import HEAD, MODEL

RATE = """\
[[rate]]
id = "second"
form = "per_unit"
basis = "seconds"
price = "1"
"""


def said(*words: str) -> list[str]:
    out = StringIO()
    call_command("lint_catalog", *words, stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.toml"
    path.write_text(HEAD + MODEL + RATE)
    return path


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Return a file that can be published, and has orders without a price."""
    path = tmp_path / "odd.toml"
    path.write_text(HEAD + MODEL + RATE + "match = { audio = false }\n")
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.toml"
    path.write_text(HEAD + MODEL + RATE.replace('"1"', "3.5"))
    return path


def test_a_good_file_is_called_so_and_needs_no_database(good: Path) -> None:
    assert said(str(good)) == ["Files: 1. Problems: 0. Hints: 0."]


def test_a_hint_is_told_and_is_no_refusal(odd: Path) -> None:
    [line, summary] = said(str(odd))

    assert line.startswith(f"{odd}:12: hint: model[1]: audio true has no rate:")
    assert line.endswith("Add a [[rate]] that matches it, or do not offer it.")
    assert summary == "Files: 1. Problems: 0. Hints: 1."


def test_a_hint_is_a_refusal_where_that_is_wanted(odd: Path) -> None:
    with pytest.raises(CommandError, match=r"Problems: 0\. Hints: 1"):
        said(str(odd), "--strict")


def test_a_problem_is_a_refusal_after_all_files_were_read(wrong: Path, odd: Path) -> None:
    out = StringIO()

    with pytest.raises(CommandError, match=r"Files: 2\. Problems: 1\. Hints: 1"):
        call_command("lint_catalog", str(wrong), str(odd), stdout=out)

    told = out.getvalue()
    assert f'{wrong}:28: problem: rate[1].price: must be a decimal in quotes: write "3.5"' in told
    assert f"{odd}:12: hint: model[1]" in told


def test_programs_get_one_list(wrong: Path) -> None:
    out = StringIO()

    with pytest.raises(CommandError):
        call_command("lint_catalog", str(wrong), "--json", stdout=out)

    [found] = json.loads(out.getvalue())
    assert (found["severity"], found["key"]) == ("problem", "rate[1].price")
    assert set(found) == {"file", "line", "key", "severity", "code", "sentence", "remedy"}


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Problems: 1"):
        said(str(tmp_path / "none.toml"))
