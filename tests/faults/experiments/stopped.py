"""F4: the database is stopped as by a crash, and started again."""

import signal
import time
from random import Random
from typing import Final

from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field

WITHIN_SECONDS: Final = 5.0  # from the moment at which the database answers again


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Stop the server at once, start it, and wait until all goes well; so many times."""
    with field.load(f"F4 {random.random()}") as load:
        outcome = Outcome(load)
        for _round in range(rounds):
            load.live_for(random.uniform(0.5, 3.0))
            began = time.monotonic()
            field.postgres.process.send_signal(signal.SIGQUIT)  # what `pg_ctl -m immediate` sends
            field.postgres.process.wait()
            field.postgres.start(field.log)
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=WITHIN_SECONDS)
    return outcome


EXPERIMENT: Final = Experiment("F4", "database stopped at once, started", 100, run)
