"""Where no engine answers nothing is started, and whoever asked hears what he can do."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded.environment import ROOT
from tests.architecture.test_compose import SERVICES, example
from tests.containers import engine, scenes

_SAYS = "#!/bin/sh\n"


def path_with(folder: Path, script: str | None) -> str:
    """Return a PATH of one folder, which has such a docker, or none."""
    if script is not None:
        program = folder / "docker"
        program.write_text(_SAYS + script)
        program.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (None, r"There is no docker here; install Docker Engine"),
        ("exit 1", r"No engine answers at unix:///nowhere; start one, or name another"),
        (
            '[ "$1" = version ] || { echo no 99 compose; exit 1; }',
            r"Compose is missing; install its plugin, 2\.24\.4 or newer",
        ),
        ("echo 2.24.3", r"Compose is 2\.24\.3; install its plugin, 2\.24\.4 or newer"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    script: str | None, sentence: str, tmp_path: Path
) -> None:
    program = "tests.containers.run_containers"
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-m", program, "--containers"],
        cwd=ROOT,
        env={"PATH": path_with(tmp_path, script), "DOCKER_HOST": "unix:///nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert re.match(rf"Nothing was started\. {sentence}", done.stderr)
    assert done.stdout == ""


def test_an_engine_with_compose_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_with(tmp_path, "echo v2.40.3-desktop.1"))

    assert engine.missing() == ""


def test_a_trial_fills_in_all_that_the_example_asks_for(tmp_path: Path) -> None:
    project = engine.Project(tmp_path, 18119)
    text = (tmp_path / "env").read_text()
    empty = set(re.findall(r"(?m)^([A-Z_]+)=$", text))
    override = (tmp_path / "override.yml").read_text()

    assert empty == {"DATABASE_URL", "REDIS_URL"}
    assert empty < example().keys()
    assert (tmp_path / "env").stat().st_mode & 0o077 == 0
    for name in ("SECRET_KEY", "JWT_PUBLIC_KEY", "RECEIPT_KEY"):
        value = project.secrets[name].replace("\n", "\\n")
        assert f"\n{name}={value}\n" in text
    assert '"127.0.0.1:18119:8000"' in override
    for name, service in SERVICES.items():
        assert (f"  {name}: {{image:" in override) == ("build" in service), name


def test_a_secret_is_found_in_logs_by_each_of_its_lines() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICj7\n-----END PRIVATE KEY-----\n"
    secrets = {"JWT_PRIVATE_KEY": key, "SECRET_KEY": "0123456789abcdef", "IDENTITY_KEY": "short"}

    assert scenes._told_of(secrets, "web-1 | short\nweb-1 | -----BEGIN PRIVATE KEY-----") == []
    said = "web-1 | MC4CAQAwBQYDK2VwBCIEICj7\nweb-1 | x=0123456789abcdef"
    assert scenes._told_of(secrets, said) == ["JWT_PRIVATE_KEY", "SECRET_KEY"]


def test_two_trials_on_one_engine_have_nothing_in_common(tmp_path: Path) -> None:
    one, other = (engine.Project(tmp_path, 18119) for _trial in range(2))

    assert not set(one._images().values()) & set(other._images().values())


def test_the_lines_of_the_document_are_those_that_are_played() -> None:
    assert "DATABASE_SESSION_OPTIONS=" in scenes._told("pgbouncer:6432")
    assert "COMPOSE_PROFILES=replica" in scenes._told("replica:5432")
