"""A sweep goes through all that is due: one row that fails is named, and stops no other."""

import pytest
import structlog
from structlog.testing import capture_logs

from billing import sweeps
from billing.sweeps import Sweep


@pytest.fixture(autouse=True)
def fresh_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that nobody has used: one that was used goes on writing where it wrote."""
    monkeypatch.setattr(sweeps, "_log", structlog.get_logger())


def stumble() -> None:
    raise ValueError


def test_a_row_that_raises_keeps_no_other_waiting() -> None:
    looked_at, sweep = list[str](), Sweep("look_stumbled")

    for row in ("first", "second", "third"):
        with sweep.row(row_id=row):
            if row == "second":
                stumble()
            looked_at.append(row)

    assert looked_at == ["first", "third"]
    assert (sweep.tried, sweep.done) == (3, 2)


def test_what_raised_stands_in_the_log_by_its_name_and_with_its_traceback() -> None:
    sweep = Sweep("look_stumbled")

    with capture_logs() as logs:
        with sweep.row(row_id="first"):
            pass
        with sweep.row(row_id="second", of="ada"):
            stumble()

    assert logs == [
        {
            "event": "look_stumbled",
            "row_id": "second",
            "of": "ada",
            "log_level": "error",
            "exc_info": True,
        }
    ]


def test_a_row_counts_as_done_only_once_what_it_stands_in_is_done() -> None:
    sweep = Sweep("look_stumbled")

    with sweep.row(row_id="first"):
        assert (sweep.tried, sweep.done) == (1, 0)

    assert (sweep.tried, sweep.done) == (1, 1)


def test_the_end_of_the_process_is_no_stumble() -> None:
    sweep = Sweep("look_stumbled")

    with capture_logs() as logs, pytest.raises(KeyboardInterrupt), sweep.row(row_id="first"):
        raise KeyboardInterrupt

    assert logs == []
    assert (sweep.tried, sweep.done) == (1, 0)
