"""F7: the standby is away, so that nothing can be kept twice; then the database dies."""

import time
from random import Random
from typing import Final

from tests.faults import standby
from tests.faults.books import Told
from tests.faults.experiment import Experiment, Outcome
from tests.faults.experiments.failed_over import WITHIN_SECONDS
from tests.faults.field import Field
from tests.faults.load import Load

_AWAY_SECONDS: Final = (3.0, 20.0)  # the longest is longer than any time limit of a statement
_UNDER_WAY_SECONDS: Final = 0.5  # what was kept twice may be told this much later


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Stop the standby, let clients ask, kill the first server, promote; so many times."""
    with field.load(f"F7 {random.random()}") as load:
        outcome = Outcome(load)
        for number in range(rounds):
            second = standby.join(field, f"standby-f7-{number}")
            load.live_for(random.uniform(0.5, 2.0))
            second.stop()
            alone_since = time.monotonic()
            load.live_for(_AWAY_SECONDS[number % 2])
            told = _acknowledged(load, since=alone_since + _UNDER_WAY_SECONDS)
            outcome.breaches += [f"{one} was acknowledged, and kept only once" for one in told]
            began = time.monotonic()
            first = field.postgres
            standby.crash(first)
            second.start(field.log)
            standby.promote(field, second)
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=WITHIN_SECONDS)
            field.discard(first)
    return outcome


def _acknowledged(load: Load, *, since: float) -> list[str]:
    return [
        f"{one.ask} {one.number}"
        for one in list(load.books)
        if one.at_first == Told.ACKNOWLEDGED and one.heard_at > since
    ]


EXPERIMENT: Final = Experiment("F7", "database killed while its standby is away", 10, run)
