"""F1: a process of the API is killed, now and then its first one, while clients ask."""

import time
from random import Random
from typing import Final

from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field

_MASTER_EVERY: Final = 10
_WITHIN_SECONDS: Final = 2.0  # from when somebody listens again


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Kill a worker of gunicorn, or all of it, and wait until all goes well; so many times."""
    web = field.service.web
    with field.load(f"F1 {random.random()}") as load:
        outcome = Outcome(load)
        masters = 0
        for number in range(rounds):
            load.live_for(random.uniform(0.3, 1.5))
            began = time.monotonic()
            if number % _MASTER_EVERY == 1:
                assert web.kill_all(), "it did not run"
                masters += 1
                web.mend()
                field.wait_until_ready()
            elif not web.kill_a_child(random):
                outcome.breaches.append("there was no worker to kill")
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)
        outcome.notes.append(f"{rounds - masters} workers and {masters} whole servers were killed")
    return outcome


EXPERIMENT: Final = Experiment("F1", "a process of the API killed", 300, run, ways=2)
