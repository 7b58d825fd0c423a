"""F16: too few connections for too many clients; and somebody holds a wallet and idles."""

import http.client
import threading
import time
from random import Random
from typing import Final

from tests.faults.books import Told
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field
from tests.faults.holding import wallet_kept
from tests.faults.load import CLIENTS

_CONNECTIONS: Final = "20"
_CLIENTS: Final = 200
_CROWDED_SECONDS: Final = 10.0
_HELD_SECONDS: Final = 60.0
_HELD_SHORTLY_SECONDS: Final = 12.0  # in a run of few rounds
_FEW: Final = 5
_WITHIN_SECONDS: Final = 15.0  # 200 requests stand in the line when it is mended
_USUAL_SECONDS: Final = 3.0
_HEALTH_SECONDS_MAX: Final = 1.0
_HEALTH_TIMES_MAX: Final = 3  # of the usual, where a machine has much else to do
_LOOK_SECONDS: Final = 0.1


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Let a crowd meet a small server, and a few a held wallet, by turns; so many times."""
    with field.load(f"F16 {random.random()}", clients=_CLIENTS) as crowd:
        outcome = Outcome(crowd)
        for number in range(rounds):
            if number % 2:
                held = _HELD_SHORTLY_SECONDS if rounds < _FEW else _HELD_SECONDS
                _hold(field, outcome, random, seconds=held)
            else:
                _crowd(field, outcome)
    return outcome


def _crowd(field: Field, outcome: Outcome) -> None:
    """Give the server few connections, and then its usual ones again."""
    field.postgres.stop()
    field.postgres.settings["max_connections"] = _CONNECTIONS
    began = time.monotonic()
    field.postgres.start(field.log)
    outcome.load.active = _CLIENTS
    slowest = _health(field, seconds=_CROWDED_SECONDS)
    # Not judged: health stands in the one line of the API's threads, behind the crowd.
    outcome.notes.append(f"health within {slowest:.2f} s behind {_CLIENTS} clients")
    outcome.load.active = CLIENTS
    del field.postgres.settings["max_connections"]
    field.postgres.stop()
    field.postgres.start(field.log)
    outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)


def _hold(field: Field, outcome: Outcome, random: Random, *, seconds: float) -> None:
    """Hold one customer's wallet: his requests end in time, and the others' go on."""
    load = outcome.load
    kept = random.randrange(4)
    usual = _health(field, seconds=_USUAL_SECONDS)
    began = time.monotonic()
    with wallet_kept(field, load.people.names[kept]):
        slowest = _health(field, seconds=seconds)
    outcome.notes.append(f"health within {slowest:.2f} s by a held wallet, {usual:.2f} s before")
    if slowest > max(_HEALTH_SECONDS_MAX, _HEALTH_TIMES_MAX * usual):
        outcome.breaches.append(f"health took {slowest:.2f} s, and {usual:.2f} s before")
    ended = time.monotonic()
    during = [one for one in list(load.books) if began < one.asked_at and one.heard_at < ended]
    others = [one for one in during if one.customer != kept]
    if not any(one.at_first == Told.ACKNOWLEDGED for one in others):
        outcome.breaches.append("a held wallet stopped everybody")
    outcome.recover(began, mended_at=ended, within_seconds=_WITHIN_SECONDS)


def _health(field: Field, *, seconds: float) -> float:
    """Ask the API for a while whether it lives; return how long 99 of 100 answers took at most."""
    ends_at = time.monotonic() + seconds
    took: list[float] = []
    while time.monotonic() < ends_at:
        took.append(_health_took(field.port))
        threading.Event().wait(_LOOK_SECONDS)
    return sorted(took)[min(len(took) - 1, len(took) * 99 // 100)]


def _health_took(port: int) -> float:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return 30.0
    finally:
        connection.close()
    return time.monotonic() - began


EXPERIMENT: Final = Experiment("F16", "connections used up; a wallet held", 20, run)
