"""The whole run: what fails twice is red, what fails in a crowd alone is told by name."""

from pathlib import Path

import pytest

from tests import whole

GOOD = "def test_good(): pass\n"
BROKEN = "def test_broken(): assert False\n"
ONCE = """
from pathlib import Path
def test_once():
    seen = Path(__file__).with_name("seen")
    if not seen.exists():
        seen.touch()
        assert False
"""


@pytest.fixture
def no_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one process: what is asked here is the same, and starts sooner."""
    monkeypatch.setattr(whole, "CROWD", ())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:django\n")
    (tmp_path / "test_good.py").write_text(GOOD)
    return tmp_path


@pytest.mark.usefixtures("no_crowd")
def test_a_whole_in_which_nothing_fails_is_good_and_runs_once(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert whole.run_whole([], tree) == 0

    assert capfd.readouterr().out.count("1 passed") == 1


@pytest.mark.usefixtures("no_crowd")
def test_what_fails_twice_is_red(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "test_broken.py").write_text(BROKEN)

    assert whole.run_whole([], tree) == 1

    said = capfd.readouterr().out
    assert "1 failed among the others" in said
    assert "UNSTEADY" not in said


def test_what_passes_alone_is_good_and_told_by_name(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tree / "test_once.py").write_text(ONCE)

    assert whole.run_whole([], tree) == 0

    assert "UNSTEADY test_once.py::test_once: failed" in capfd.readouterr().out


@pytest.mark.usefixtures("no_crowd")
def test_one_that_fails_again_makes_the_run_red_beside_one_that_does_not(tree: Path) -> None:
    (tree / "test_once.py").write_text(ONCE)
    (tree / "test_broken.py").write_text(BROKEN)

    assert whole.run_whole([], tree) == 1


@pytest.mark.usefixtures("no_crowd")
def test_many_failures_are_not_tried_again(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    many = whole.TRIED_AGAIN_MAX + 1
    for place in range(many):
        (tree / f"test_once_{place}.py").write_text(ONCE.replace('"seen"', f'"seen{place}"'))

    assert whole.run_whole([], tree) == 1

    assert "once more" not in capfd.readouterr().out


def test_a_file_that_cannot_be_read_is_red(tree: Path) -> None:
    (tree / "test_unreadable.py").write_text("import nothing_of_this_name\n")

    assert whole.run_whole([], tree) != 0
