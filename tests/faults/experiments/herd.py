"""F20: a thousand clients come back in the same moment, each with the request that it had."""

import time
from random import Random
from typing import Final

from tests.faults.books import Ask, Told
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field
from tests.faults.load import CLIENTS

_CLIENTS: Final = 1000
_FEW: Final = 3
_FEWER_CLIENTS: Final = 200  # in a run of few rounds
_AWAY_SECONDS: Final = 3.0
_HERD_SECONDS: Final = 20.0
_WITHIN_SECONDS: Final = 30.0


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Let the API be away, and all come at once when it is back; so many times."""
    clients = _FEWER_CLIENTS if rounds <= _FEW and not field.at_length else _CLIENTS
    with field.load(f"F20 {random.random()}", clients=clients) as load:
        outcome = Outcome(load)
        for _round in range(rounds):
            assert field.service.web.kill_all(), "it did not run"
            load.insists, load.active = True, clients
            load.live_for(_AWAY_SECONDS)
            waiting = sum(one.told == Told.UNKNOWN for one in list(load.books))
            began = time.monotonic()
            field.service.web.mend()
            field.wait_until_ready()
            mended = time.monotonic()
            load.live_for(_HERD_SECONDS)
            load.insists, load.active = False, CLIENTS
            heard = sorted(
                one.heard_at - one.asked_at
                for one in list(load.books)
                if one.ask == Ask.SUBMIT
                and one.at_first == Told.ACKNOWLEDGED
                and one.asked_at > mended
            )
            outcome.notes.append(f"{waiting} requests waited when it came back")
            if waiting < clients // 2:
                outcome.breaches.append(f"only {waiting} of {clients} clients came back: no herd")
            if heard:
                slowest = heard[min(len(heard) - 1, len(heard) * 99 // 100)]
                outcome.notes.append(
                    f"99 of 100 orders within {slowest:.2f} s ({len(heard)} by {clients} clients)"
                )
            outcome.recover(began, mended_at=mended + _HERD_SECONDS, within_seconds=_WITHIN_SECONDS)
    return outcome


EXPERIMENT: Final = Experiment("F20", "a herd of clients comes back at once", 20, run)
