"""What is checked before a commit is what CI checks: the same doors, no second set of tools."""

import subprocess
import sys

import pytest
import yaml

from tests.architecture.tree import ROOT

HOOKS = [
    hook
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]
    if repository["repo"] == "local"
]


def test_every_hook_is_ours() -> None:
    whole = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())

    assert [repository["repo"] for repository in whole["repos"]] == ["local"]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_every_hook_opens_a_door_that_exists(hook: dict[str, str]) -> None:
    door, *words = hook["entry"].split()

    told = subprocess.run(  # noqa: S603 (our own door)
        [sys.executable, ROOT / "run", "--check", *words],
        capture_output=True,
        text=True,
        check=False,
    )

    assert door == "./run"
    assert told.returncode == 0, told.stderr
    assert "would run: " in told.stdout
