"""F9: Redis is dead and comes back empty, or is silent, or is full; orders are taken anyway."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from random import Random
from typing import Final

from tests.faults import broker
from tests.faults.books import Ask, Told
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field

_WITHIN_SECONDS: Final = 30.0
_FEW: Final = 6
_SHORTLY_SECONDS: Final = 10.0  # in a run of few rounds
_HOW: Final[tuple[tuple[str, Callable[[Field], AbstractContextManager[None]], float], ...]] = (
    ("killed", broker.away, 60.0),
    ("frozen", broker.frozen, 30.0),
    ("full", broker.full, 30.0),
)


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Do each by turns; so many times in all."""
    with field.load(f"F9 {random.random()}") as load:
        outcome = Outcome(load)
        is_short = rounds <= _FEW and not field.at_length
        for number in range(rounds):
            load.live_for(random.uniform(0.5, 2.0))
            name, how, usual = _HOW[number % len(_HOW)]
            began = time.monotonic()
            with how(field):
                load.live_for(min(usual, _SHORTLY_SECONDS) if is_short else usual)
                taken = _taken(outcome, since=began)
            if not taken:
                outcome.breaches.append(f"no order was taken while the broker was {name}")
            outcome.notes.append(f"{name}: {taken} orders were taken meanwhile")
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)
            broker.require_consumption(field, outcome)
    return outcome


def _taken(outcome: Outcome, *, since: float) -> int:
    return sum(
        one.ask == Ask.SUBMIT and one.at_first == Told.ACKNOWLEDGED and one.asked_at > since
        for one in list(outcome.load.books)
    )


EXPERIMENT: Final = Experiment("F9", "the broker dead, silent, full", 90, run, ways=len(_HOW))
