"""What the bench reckons with, and that no wrong answer is ever a fast one."""

from collections.abc import Callable

import pytest

from billing.insights.bench import pgbench
from billing.insights.bench.figures import (
    Case,
    Effort,
    Side,
    Turn,
    interleaved,
    met,
    percentiles,
    reported,
)
from billing.insights.bench.hands import Deed, Hands, alone
from billing.insights.bench.showing import head, lines


def in_turns(log: list[str], name: str, *seconds: float) -> Callable[[Effort], Turn]:
    """Return a side that makes ten calls a round, which take so many seconds."""
    rounds = iter(seconds)

    def take_turn(_effort: Effort) -> Turn:
        log.append(name)
        took = next(rounds)
        return Turn(took, [took / 10] * 10)

    return take_turn


def test_sides_take_turns_and_a_ratio_is_that_of_the_medians() -> None:
    log: list[str] = []
    sides = [
        Side("limit", in_turns(log, "limit", 0.1, 1.0, 2.0)),
        Side("ours", in_turns(log, "ours", 5.0, 4.0, 0.5), "limit", 0.5),
    ]

    limit, ours = interleaved(sides, Effort(rounds=3))

    assert log == ["limit", "ours"] * 3
    assert (limit.per_second, limit.low, limit.high) == (10.0, 5.0, 100.0)
    assert (ours.per_second, ours.low, ours.high) == (2.5, 2.0, 20.0)
    assert (limit.ratio, ours.ratio, ours.goal) == (None, 0.25, 0.5)
    assert ours.p50_ms == pytest.approx(400.0)


def test_percentiles_are_of_all_calls() -> None:
    p50_ms, p99_ms = percentiles([number / 1000 for number in range(101)])

    assert p50_ms == pytest.approx(50.0)
    assert p99_ms == pytest.approx(99.0)
    assert percentiles([]) == (0.0, 0.0)


def test_a_wrong_answer_is_a_mismatch_however_fast_it_was() -> None:
    answers = iter([True, False, True])
    side = Side("ours", lambda effort: alone(Deed(lambda: next(answers)), effort))

    report = reported(interleaved([side], Effort(rounds=1, calls=3)), adrift=2)

    assert report.mismatches == 1 + 2
    assert list(report.notes) == ["ours: The answer is wrong."]


def test_what_raises_is_a_wrong_answer_in_every_process() -> None:
    def make(number: int) -> Deed:
        return Deed(lambda: [True][number])  # of the second client on there is none

    with Hands(make, processes=3, threads=2) as hands:
        turn = hands.turn(Effort(seconds=30, calls=4))

    assert (len(turn.latencies), turn.wrong) == (3 * 2 * 4, 5 * 4)
    assert turn.complaint == "IndexError: list index out of range"
    assert turn.seconds > 0


def test_a_client_that_cannot_begin_ends_the_bench() -> None:
    def make(number: int) -> Deed:
        raise SystemExit

    hands = Hands(make, processes=1)
    with pytest.raises(RuntimeError, match=r"has died|does not answer"), hands:
        pass


def test_what_a_client_takes_of_a_processor_is_told_where_it_was_looked_at() -> None:
    looked = Side("ours", lambda _effort: Turn(1.0, [0.1] * 4, cpu_seconds=0.2))
    unseen = Side("theirs", lambda _effort: Turn(1.0, [0.1] * 4))

    ours, theirs = interleaved([looked, unseen], Effort(rounds=2))

    assert ours.cpu_ms == pytest.approx(50.0)
    assert theirs.cpu_ms is None


def test_a_goal_is_met_or_missed() -> None:
    assert met("quotes", 20_000, 20_000).endswith("met.")
    assert met("quotes", 19_999, 20_000).endswith("missed.")


def test_a_row_is_shown_under_its_head() -> None:
    case = Case("ours", 2.5, 2.0, 20.0, 400.0, 500.0, 0.13, 0.25, 0.5, 1)

    (line,) = lines(case)

    assert len(line) == len(head(case))
    assert line.split() == ["ours", "2.5", "2.0-20", "400.00", "500.00", "0.13", "25%", "50%", "1"]
    assert (head("a note"), list(lines("a note"))) == ("", [])


def test_where_there_is_no_pgbench_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pgbench.program.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.setattr(type(pgbench._DEBIAN), "glob", lambda _path, _pattern: iter(()))

    with pytest.raises(pgbench.Missing, match="postgresql-contrib"):
        pgbench.program()
