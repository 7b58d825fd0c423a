"""F6: the database dies, and the standby that every commit has waited for takes its place."""

import time
from random import Random
from typing import Final

from tests.faults import standby
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field

WITHIN_SECONDS: Final = 10.0
_READ_ONLY_SECONDS: Final = 1.5


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Kill the first server, promote the second, and let the door lead there; so many times."""
    with field.load(f"F6 {random.random()}") as load:
        outcome = Outcome(load)
        for number in range(rounds):
            second = standby.join(field, f"standby-f6-{number}")
            load.live_for(random.uniform(1.0, 3.0))
            began = time.monotonic()
            first = field.postgres
            standby.crash(first)
            if number % 2 == 0:  # some are led there before it takes writes
                field.ground.lead_to(second.port)
                load.live_for(_READ_ONLY_SECONDS)
            standby.promote(field, second)
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=WITHIN_SECONDS)
            field.discard(first)
    return outcome


EXPERIMENT: Final = Experiment("F6", "database killed, its standby promoted", 30, run)
