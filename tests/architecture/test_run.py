"""The door for people: what `./run` says, and what it refuses in one sentence."""

import ast
import importlib.machinery
import importlib.util
import inspect
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from config.embedded import serve

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "run"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`./run` as a module; nothing of it has been called."""
    monkeypatch.setattr(sys, "argv", ["run"])
    loader = importlib.machinery.SourceFileLoader("run_of_linggan", str(RUN))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    return module


def told(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own door)
        [sys.executable, RUN, *words], capture_output=True, text=True, check=False, cwd="/"
    )


def test_the_help_lists_every_command_with_its_first_sentence(run: ModuleType) -> None:
    text = told("help").stdout

    for name, command in run.COMMANDS.items():
        first = inspect.cleandoc(command.__doc__).splitlines()[0]
        assert f"  {name:<8}{first}" in text


def test_every_public_command_of_the_door_is_in_its_table(run: ModuleType) -> None:
    asked_for = {"serve", "test", "manage", "check", "quick", "fix", "help"}

    assert set(run.COMMANDS) == asked_for


def test_an_unknown_command_is_refused_with_a_sentence() -> None:
    answer = told("sevre")

    assert answer.returncode == 2
    assert answer.stdout == "There is no command sevre; ./run help lists them.\n"


@pytest.mark.parametrize(
    ("words", "would"),
    [
        (["serve", "--check", "--port", "8001"], "-m config.embedded serve --port 8001"),
        (["--check", "manage", "audit"], "manage.py --embedded audit"),
        (["--check", "quick"], "-m pytest tests/unit"),
        (["--check", "test", "--night", "-n", "2"], "-m pytest -m night --durations=10 -n 2"),
        (["--check", "test", "--operations", "9"], "-m tests.night.long_run --operations 9"),
        (["--check", "test", "--kills", "9"], "-m tests.kills.run_storm --kills 9"),
        (["--check", "test", "--faults", "F4"], "-m tests.faults.run_faults --faults F4"),
        (["--check", "check", "lint"], "ruff check . run"),
        (
            ["--check", "test", "--vendors", "-k", "openai"],
            ".venv/vendors/bin/python -m pytest -c tests/vendors/pytest.ini tests/vendors -k",
        ),
        (
            ["--check", "test", "--peers", "-k", "refund"],
            ".venv/peers/bin/python -m pytest -c tests/peers/pytest.ini tests/peers -k",
        ),
        (
            ["--check", "test", "--static", "-k", "bandit"],
            ".venv/static/bin/python -m pytest -c tests/static/pytest.ini tests/static -k",
        ),
    ],
)
def test_check_says_what_would_be_done_and_does_nothing(words: list[str], would: str) -> None:
    answer = told(*words)

    assert answer.returncode == 0
    assert "would run: " in answer.stdout
    assert would in answer.stdout


def test_test_without_arguments_would_run_every_check_in_order(run: ModuleType) -> None:
    answer = told("--check", "test")

    order = [line.split()[1] for line in answer.stdout.splitlines() if line.startswith("-- ")]
    assert list(dict.fromkeys(word.rstrip(":") for word in order)) == list(run.steps())
    assert list(run.steps()) == ["lint", "types", "imports", "migrations", "docs", "test"]


def test_a_relative_data_folder_means_the_callers(
    run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run.absolute_data_dir(["--data-dir", "x"]) == ["--data-dir", str(tmp_path / "x")]
    assert run.absolute_data_dir(["--data-dir=x"]) == [f"--data-dir={tmp_path / 'x'}"]


def test_an_old_python_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))

    with pytest.raises(SystemExit) as refusal:
        runpy.run_path(str(RUN))

    assert str(refusal.value) == (
        "run: this is Python 3.8, but Linggan needs Python 3.11 or newer; try: python3.11 ./run"
    )


def test_an_old_python_can_read_the_file_at_all() -> None:
    ast.parse(RUN.read_text(), feature_version=(3, 7))


def test_a_missing_venv_module_names_the_package(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(run.Stuck, match="apt install python3-venv"):
        run.make_environment()


def test_a_half_made_environment_is_not_used(
    run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.touch(mode=0o755)
    monkeypatch.setattr(run, "PYTHON", python)
    monkeypatch.setattr(run, "MARK", tmp_path / "linggan.json")
    wanted = {"base": run.digest("base")}

    assert not run.is_made(wanted)

    (tmp_path / "linggan.json").write_text('{"base": "an older fingerprint"}')
    assert run.is_usable()
    assert not run.is_made(wanted)


def test_a_taken_port_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_arguments: None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        code = serve.main(["--port", str(port), "--data-dir", str(tmp_path / "var")])

    assert code == 1
    assert capsys.readouterr().err == (
        f"linggan: Port {port} is taken by another program; choose another, "
        f"for example: ./run serve --port {port + 1000}\n"
    )
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "\u0668"])
def test_what_is_no_port_gets_one_sentence(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_arguments: None)

    assert serve.main([f"--port={port}"]) == 1
    assert capsys.readouterr().err.startswith(f"linggan: {port} is no port")
