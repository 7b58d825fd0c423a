"""F8: Redis forgets everything while clients ask and workers work."""

import time
from random import Random
from typing import Final

from tests.faults import broker
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field

_WITHIN_SECONDS: Final = 2.0  # nobody who asks should notice at all


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Empty it; so many times. That all jobs end is what the verdict waits for."""
    with field.load(f"F8 {random.random()}") as load:
        outcome = Outcome(load)
        for _round in range(rounds):
            load.live_for(random.uniform(0.3, 2.0))
            began = time.monotonic()
            with broker.session(field) as asked:
                outcome.notes.append(f"{asked.dbsize()} keys were forgotten")
            broker.wipe(field)
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)
        broker.require_consumption(field, outcome)
    return outcome


EXPERIMENT: Final = Experiment("F8", "the broker forgets everything", 100, run)
