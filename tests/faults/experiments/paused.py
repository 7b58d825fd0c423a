"""F17: a worker is stopped for two leases in the middle of what it does, and then goes on."""

import time
from random import Random
from typing import Final

from billing.jobs.models import Attempt
from billing.jobs.services.dispatching import LEASE
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field

_LEASES: Final = 2
_WITHIN_SECONDS: Final = 5.0


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Freeze one of the workers, wait, let it go on; so many times."""
    with field.load(f"F17 {random.random()}") as load:
        outcome, in_hand = Outcome(load), 0
        for _round in range(rounds):
            load.live_for(random.uniform(0.5, 2.0))
            worker = random.choice(field.service.workers)
            began = time.monotonic()
            worker.freeze()
            in_hand += Attempt.objects.filter(state=Attempt.State.SUBMITTING).count()
            try:
                load.live_for(_LEASES * LEASE.total_seconds() + random.uniform(0, 10))
            finally:
                worker.thaw()
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)
        outcome.notes.append(f"{in_hand} attempts were in some worker's hand when one was stopped")
    return outcome


EXPERIMENT: Final = Experiment("F17", "a worker stopped for two leases", 200, run)
