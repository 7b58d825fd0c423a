"""One table of all that was asked for: what breaks off is a row too, and never passes for good."""

from random import Random
from typing import cast

import pytest

from tests.faults import destroying, verdict
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field
from tests.faults.load import Load
from tests.faults.run_faults import Asked, read
from tests.faults.verdict import Verdict


class Healed:
    """Stands for the product: it only counts how often it was mended."""

    def __init__(self, _ground: object, *, at_length: bool) -> None:
        self.at_length = at_length
        self.times = 0

    def open(self) -> None:
        """Be there."""

    def heal(self) -> None:
        self.times += 1

    def close(self) -> None:
        """Be gone."""


def good(_field: Field, _rounds: int, _random: Random) -> Outcome:
    return Outcome(cast("Load", None))


def slips(_field: Field, _rounds: int, _random: Random) -> Outcome:
    raise RuntimeError("the harness slipped\nin two lines")


def judged(_field: Field, experiment: Experiment, _outcome: Outcome, *, began: float) -> Verdict:
    assert began > 0
    row = verdict.none(experiment, "")
    return Verdict(**(row.as_json() | {"count": 1, "median_seconds": 1.25, "worst_seconds": 2.5}))


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have four experiments: one goes well, one slips, one lacks a tool, one goes well again."""
    all_of_them = [
        Experiment("F1", "goes well", 1, good, sells=False),
        Experiment("F2", "slips", 1, slips, sells=False),
        Experiment("F3", "lacks a tool", 1, good, lambda: "a tool is missing: apt install tool"),
        Experiment("F4", "goes well again", 1, good, sells=False),
    ]
    monkeypatch.setattr(destroying, "all_of_them", lambda: {one.id: one for one in all_of_them})
    monkeypatch.setattr(destroying, "Field", Healed)
    monkeypatch.setattr(verdict, "judge", judged)


@pytest.mark.usefixtures("known")
def test_what_breaks_off_is_a_row_and_what_stands_behind_it_is_done() -> None:
    rows = destroying.destroy(Asked([], 1, 1, None), None)  # type: ignore[arg-type]  # nobody uses it

    assert [(one.experiment, one.count, one.no_verdict) for one in rows] == [
        ("F1", 1, ""),
        ("F2", 0, "RuntimeError: the harness slipped"),
        ("F3", 0, "a tool is missing: apt install tool"),
        ("F4", 1, ""),
    ]
    lines = destroying.table(rows)
    assert lines[0].split()[-4:] == ["median", "s", "max", "s"]
    assert lines[1].split()[-2:] == ["1.2", "2.5"]
    assert lines[2].endswith("no verdict: RuntimeError: the harness slipped")
    assert lines[3].endswith("no verdict: a tool is missing: apt install tool")


@pytest.mark.usefixtures("known")
def test_a_table_that_lacks_a_verdict_is_wrong() -> None:
    rows = destroying.destroy(Asked(["F1", "F4"], 1, 1, None), None)  # type: ignore[arg-type]  # as above
    lacking = destroying.destroy(Asked(["F1", "F2"], 1, 1, None), None)  # type: ignore[arg-type]  # as above

    assert (destroying.wrong(rows), destroying.wrong(lacking)) == (0, 1)


@pytest.mark.usefixtures("known")
def test_no_run_has_fewer_rounds_than_an_experiment_has_ways(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[int] = []

    def run(_field: Field, rounds: int, _random: Random) -> Outcome:
        done.append(rounds)
        return Outcome(cast("Load", None))

    nine = Experiment("F9", "in three ways", 90, run, sells=False, ways=3)
    monkeypatch.setattr(destroying, "all_of_them", lambda: {"F9": nine})
    for rounds in (1, 7, None):
        destroying.destroy(Asked([], rounds, 1, None), None)  # type: ignore[arg-type]  # as above

    assert done == [3, 7, 90]
    with pytest.raises(SystemExit):
        read(["--faults", "F9", "--rounds", "0"])


def test_length_is_asked_for() -> None:
    assert read(["--faults", "f9", "--rounds", "2"]) == Asked(["F9"], 2, 1, None, at_length=False)
    assert read(["--faults", "--at-length"]).at_length
