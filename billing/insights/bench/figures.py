"""What a bench reckons with: rounds in turns, medians and ratios. Pure.

A case and its limit take turns, so that what disturbs one disturbs the other.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

_CUTS: Final = 100
_P50, _P99 = 49, 98


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a bench looks.

    Attributes:
        seconds: how long a client of a case works in each round.
        calls: after how many calls of a round it stops before that; None: never.
    """

    rounds: int = 5
    seconds: float = 1.0
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side did in one round.

    Attributes:
        seconds: how long all of its clients together took.
        latencies: the seconds of each call.
        wrong: how many calls brought a wrong answer, or none.
        complaint: what one of them was.
        cpu_seconds: of a processor that its clients took, the database's not among them; None:
            nobody has looked.
    """

    seconds: float
    latencies: Sequence[float]
    wrong: int = 0
    complaint: str = ""
    cpu_seconds: float | None = None

    @property
    def per_second(self) -> float:
        """The rate of the round."""
        return len(self.latencies) / self.seconds if self.latencies else 0.0


TakeTurn: TypeAlias = Callable[[Effort], Turn]


@dataclass(frozen=True, slots=True)
class Side:
    """One case, or one limit.

    Attributes:
        beside: the name of its limit; None: it is one, or has none.
        goal: the least share of the limit that is wanted.
    """

    name: str
    take_turn: TakeTurn
    beside: str | None = None
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What one side brought.

    Attributes:
        per_second: the median of the rounds; `low` and `high` are the slowest and the fastest.
        p50_ms, p99_ms: over all calls of all rounds.
        cpu_ms: of a processor that a call took of its client; a busy machine hardly moves it.
        ratio: `per_second` as a share of its limit's; None for a case without one.
        wrong: how many answers were wrong; `complaint`: what one of them was.
    """

    name: str
    per_second: float
    low: float
    high: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float | None = None
    ratio: float | None = None
    goal: float | None = None
    wrong: int = 0
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a case of the bench brought.

    Attributes:
        rows: what a table shows; all of one kind.
        notes: what else is to be known, in sentences.
        mismatches: how many answers and rows were wrong: any fails the run.
    """

    rows: Sequence[object] = ()
    notes: Sequence[str] = ()
    mismatches: int = 0


def interleaved(sides: Sequence[Side], effort: Effort) -> list[Case]:
    """Have the sides take turns for as many rounds, and return what each brought."""
    turns: dict[str, list[Turn]] = {side.name: [] for side in sides}
    for _round in range(effort.rounds):
        for side in sides:
            turns[side.name].append(side.take_turn(effort))
    medians = {name: _median(taken) for name, taken in turns.items()}
    return [_case(side, turns[side.name], medians) for side in sides]


def reported(cases: Sequence[Case], *notes: str, adrift: int = 0) -> Report:
    """Return the report of these cases; each wrong answer is a mismatch.

    Args:
        adrift: how many rows are not what they should be.
    """
    wrong = sum(case.wrong for case in cases)
    complaints = [f"{case.name}: {case.complaint}" for case in cases if case.complaint]
    return Report(rows=cases, notes=[*notes, *complaints], mismatches=wrong + adrift)


def met(name: str, figure: float, goal: float, unit: str = "") -> str:
    """Return in a sentence whether a figure is as large as is wanted."""
    verdict = "met" if figure >= goal else "missed"
    return f"{name}: {figure:,.0f}{unit}; goal {goal:,.0f}{unit} or more: {verdict}."


def percentiles(latencies: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, in milliseconds."""
    if len(latencies) < 2:  # noqa: PLR2004 (cuts need two)
        only = latencies[0] * 1000 if latencies else 0.0
        return only, only
    cuts = statistics.quantiles(latencies, n=_CUTS, method="inclusive")
    return cuts[_P50] * 1000, cuts[_P99] * 1000


def _median(turns: Sequence[Turn]) -> float:
    return statistics.median(turn.per_second for turn in turns)


def _case(side: Side, turns: Sequence[Turn], medians: dict[str, float]) -> Case:
    rates = [turn.per_second for turn in turns]
    p50_ms, p99_ms = percentiles([one for turn in turns for one in turn.latencies])
    limit = medians[side.beside] if side.beside else 0.0
    return Case(
        name=side.name,
        per_second=medians[side.name],
        low=min(rates),
        high=max(rates),
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        cpu_ms=_cpu_ms(turns),
        ratio=medians[side.name] / limit if limit else None,
        goal=side.goal,
        wrong=sum(turn.wrong for turn in turns),
        complaint=next((turn.complaint for turn in turns if turn.complaint), ""),
    )


def _cpu_ms(turns: Sequence[Turn]) -> float | None:
    calls = sum(len(turn.latencies) for turn in turns)
    looked = [turn.cpu_seconds for turn in turns if turn.cpu_seconds is not None]
    return 1000 * sum(looked) / calls if calls and len(looked) == len(turns) else None
