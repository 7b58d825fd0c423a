"""No rule of ours and none of bandit's finds anything; each rule of ours finds what was planted."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.static.plants import PLANTS

ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final = Path(__file__).with_name("rules.yml")
CODE: Final = ("billing", "plans", "config", "run", "manage.py")
BIN: Final = Path(sys.executable).parent


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of the environment's programs at the root."""
    name, *arguments = words
    return subprocess.run(  # noqa: S603 (the environment's own)
        [BIN / name, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def semgrep(*places: str | Path) -> tuple[list[tuple[str, str]], set[str]]:
    """Return what our rules find in these places, the rule and where, and which files were read."""
    done = run(
        *("semgrep", "scan", "--config", RULES, "--json", "--quiet", "--metrics", "off"),
        *("--disable-version-check", "--no-git-ignore", "--no-rewrite-rule-ids", "--disable-nosem"),
        *places,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    # Of a file that it cannot parse (`case {**rest}` is one such line) it skips a part, silently.
    assert told["errors"] == []
    found = [
        (found["check_id"].rpartition(".")[2], f"{found['path']}:{found['start']['line']}")
        for found in told["results"]
    ]
    return found, set(told["paths"]["scanned"])


def files(place: str) -> set[str]:
    """Return what stands in a place that our rules are about."""
    here = ROOT / place
    among = [here] if here.is_file() else [*here.rglob("*.py"), *here.rglob("*.html")]
    return {str(file.relative_to(ROOT)) for file in among}


def test_our_rules_read_everything_and_find_nothing() -> None:
    found, read = semgrep(*CODE)

    assert found == []
    assert set().union(*map(files, CODE)) - read == set()


def test_each_rule_finds_each_of_its_plants(tmp_path: Path) -> None:
    wanted = set()
    for rule, plants in PLANTS.items():
        ending = "html" if "template" in rule else "py"
        for number, plant in enumerate(plants):
            file = tmp_path / rule / f"plant_{number}.{ending}"
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"{plant}\n")
            wanted.add((rule, file.stem))

    places, _read = semgrep(tmp_path)
    found = {(rule, Path(place.rpartition(":")[0]).stem) for rule, place in places}

    assert wanted - found == set()


def test_each_rule_has_its_plants() -> None:
    ids = {line.split("id: ")[1] for line in RULES.read_text().splitlines() if "- id: " in line}

    assert ids == set(PLANTS)


def test_bandit_finds_nothing() -> None:
    """With the few kinds of finding that pyproject.toml lets pass, each with its reason."""
    done = run("bandit", "-c", "pyproject.toml", "-r", "-q", "-f", "json", *CODE[:3])

    told = json.loads(done.stdout)
    assert told["errors"] == []
    assert [
        f"{found['test_id']} {found['filename']}:{found['line_number']} {found['issue_text']}"
        for found in told["results"]
    ] == []


def test_bandit_lets_pass_only_what_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    skipped = tomllib.loads(text)["tool"]["bandit"]["skips"]

    for code in skipped:
        [line] = [line for line in text.splitlines() if f'"{code}"' in line]
        assert len(line.partition("#")[2]) > 20, line


@pytest.mark.parametrize("group", ["base", "embedded"])
def test_no_package_has_a_known_weakness(group: str) -> None:
    """Asks PyPI's own list of weaknesses; not to be able to ask is a failure in CI."""
    done = run(
        *("pip-audit", "--requirement", f"requirements/{group}.txt", "--format", "json"),
        *("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", "30"),
    )
    asked = json.loads(done.stdout)["dependencies"] if done.stdout.strip() else []
    unknown = [package["name"] for package in asked if "skip_reason" in package]
    if len(unknown) == len(asked):  # pip-audit itself would call that a pass
        sentence = f"NOT AUDITED: nobody could be asked about {group}'s packages."
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)

    weak = [package for package in asked if package.get("vulns")]

    assert (weak, unknown) == ([], [])
