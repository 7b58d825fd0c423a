"""One run: the product, each experiment on it, the verdict on each, and the table."""

import time
import traceback
from collections.abc import Sequence
from random import Random
from typing import Final

from tests.faults import shoppers, verdict
from tests.faults.experiment import Experiment, Outcome, all_of_them
from tests.faults.field import Field
from tests.faults.ground import Ground
from tests.faults.run_faults import Asked
from tests.faults.verdict import Verdict
from tests.kills.blowing import say

_BREACHES_SHOWN: Final = 30
_HEAD: Final = (
    *("experiment", "count", "acknowledged", "refused", "resolved", "LOST", "DOUBLED"),
    *("breaches", "median s", "max s"),
)


def destroy(asked: Asked, ground: Ground) -> list[Verdict]:
    """Do the experiments one after the other; return the verdicts, once they were told.

    One that breaks off has none, which its row says; the product is mended for those behind it.

    Raises:
        SystemExit: an experiment is asked for that does not exist.
    """
    chosen = _chosen(asked)
    field = Field(ground, at_length=asked.at_length)
    verdicts: list[Verdict] = []
    try:
        began = time.monotonic()
        field.open()
        say(f"the product was ready after {time.monotonic() - began:.0f} s")
        for experiment in chosen:
            verdicts.append(_one(asked, experiment, field))
            if verdicts[-1].no_verdict:
                say(f"NO VERDICT {experiment.id}: {verdicts[-1].no_verdict}")
    finally:
        field.close()
    _tell(verdicts)
    return verdicts


def _chosen(asked: Asked) -> list[Experiment]:
    known = all_of_them()
    unknown = [name for name in asked.names if name not in known]
    if unknown:
        raise SystemExit(f"There is no {', '.join(unknown)}; there are: {', '.join(known)}.")
    return [known[name] for name in asked.names or known]


def _one(asked: Asked, experiment: Experiment, field: Field) -> Verdict:
    if missing := experiment.missing():
        return verdict.none(experiment, missing)
    began = time.monotonic()
    rounds = max(asked.rounds or experiment.rounds, experiment.ways)
    say(f"{experiment.id} {experiment.title}: {rounds} rounds")
    try:
        field.heal()
        outcome = _run(field, experiment, rounds, Random(f"{experiment.id} {asked.seed}"))
        judged = verdict.judge(field, experiment, outcome, began=began)
    except Exception as trouble:  # noqa: BLE001 (whatever it is, it is a row, and the rest goes on)
        say(traceback.format_exc())
        reason = f"{type(trouble).__name__}: {trouble}".splitlines()[0]
        return verdict.none(experiment, reason, seconds=time.monotonic() - began)
    for sentence in judged.breaches[:_BREACHES_SHOWN]:
        say(f"BROKEN {experiment.id} {sentence}")
    for note in judged.notes:
        say(f"  {note}")
    say(f"  {judged.seconds:.0f} s, {len(judged.breaches)} breaches")
    return judged


def _run(field: Field, experiment: Experiment, rounds: int, random: Random) -> Outcome:
    """Do an experiment, with people who buy meanwhile; return what came of it."""
    if not experiment.sells:
        return experiment.run(field, rounds, random)
    with shoppers.coming(field.shop) as those:
        outcome = experiment.run(field, rounds, random)
    field.forget_connections()
    those.judge(outcome)
    return outcome


def _tell(verdicts: Sequence[Verdict]) -> None:
    """Print the one table."""
    for line in table(verdicts):
        say(line)


def wrong(verdicts: Sequence[Verdict]) -> int:
    """Return how much is wrong: every breach, and whatever was asked for and has no verdict."""
    return sum(len(one.breaches) + bool(one.no_verdict) for one in verdicts)


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the lines of the one table; a row without a verdict says why instead of numbers."""
    rows = [_HEAD, *(_row(one) for one in verdicts)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = []
    for row, reason in zip(rows, ["", *(one.no_verdict for one in verdicts)], strict=True):
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        cells = [f"no verdict: {reason}"] if reason else rest
        lines.append("  ".join([row[0].ljust(len(first)), *cells]))
    return lines


def _row(one: Verdict) -> tuple[str, ...]:
    def seconds(given: float | None) -> str:
        return "-" if given is None else f"{given:.1f}"

    numbers = (one.count, one.acknowledged, one.refused, one.resolved, one.lost, one.doubled)
    return (
        f"{one.experiment} {one.title}",
        *map(str, (*numbers, len(one.breaches))),
        *(seconds(one.median_seconds), seconds(one.worst_seconds)),
    )
