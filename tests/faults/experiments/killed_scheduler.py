"""F3: the scheduler is killed; two of them run; none runs for a while."""

import time
from random import Random
from typing import Final

from config.embedded import serve
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field
from tests.kills.machines import Machine

_TWO_SECONDS: Final = 6.0
_NONE_SECONDS: Final = 12.0
_WITHIN_SECONDS: Final = 2.0  # nobody who asks should notice at all


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Kill it, have a twin beside it, be without one, by turns; so many times."""
    with field.load(f"F3 {random.random()}") as load:
        outcome = Outcome(load)
        acts = (_kill, _double, _be_without)
        for number in range(rounds):
            load.live_for(random.uniform(0.3, 1.5))
            began = time.monotonic()
            acts[number % len(acts)](field, outcome)
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)
    return outcome


def _kill(field: Field, _outcome: Outcome) -> None:
    assert field.service.scheduler.kill_all(), "it did not run"
    field.service.scheduler.mend()


def _double(field: Field, outcome: Outcome) -> None:
    """Let two schedulers ring for everything."""
    twin = Machine("twin", serve.scheduler_command(field.folder / "twin"), log=field.log)
    twin.start()
    outcome.load.live_for(_TWO_SECONDS)
    if not (twin.is_alive and field.service.scheduler.is_alive):
        outcome.breaches.append("there were no two schedulers")
    twin.end()


def _be_without(field: Field, outcome: Outcome) -> None:
    """Let nobody ring; what is due meanwhile is due when one comes back."""
    assert field.service.scheduler.kill_all(), "it did not run"
    outcome.load.live_for(_NONE_SECONDS)
    field.service.scheduler.mend()


EXPERIMENT: Final = Experiment("F3", "the scheduler killed, doubled, absent", 100, run, ways=3)
