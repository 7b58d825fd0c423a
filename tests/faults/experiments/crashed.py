"""F5: one session of the database is killed, and the server starts all of itself again."""

import os
import signal
import time
from random import Random
from typing import Final

from tests.faults.experiment import Experiment, Outcome
from tests.faults.experiments.stopped import WITHIN_SECONDS
from tests.faults.field import Field

_OURS: Final = """
    SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
"""


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Kill a session's process, and wait until all goes well; so many times."""
    with field.load(f"F5 {random.random()}") as load:
        outcome = Outcome(load)
        for _round in range(rounds):
            load.live_for(random.uniform(0.5, 3.0))
            with field.superuser() as session:
                found = session.execute(_OURS).fetchone()
            assert found is not None, "nobody is connected"
            began = time.monotonic()
            os.kill(field.session_of_ours(found[0]), signal.SIGKILL)
            field.wait_for_database()
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=WITHIN_SECONDS)
    return outcome


EXPERIMENT: Final = Experiment("F5", "a session of the database killed", 100, run)
