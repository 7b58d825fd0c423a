"""F16: too few connections for too many clients; and somebody holds a wallet and idles."""

import time
from random import Random
from typing import Final

from tests.faults import health
from tests.faults.books import Told
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field
from tests.faults.holding import wallet_kept
from tests.faults.load import CLIENTS

_CONNECTIONS: Final = "20"
_NO_CONNECTION: Final = ("too many clients already", "remaining connection slots are reserved")
_CLIENTS: Final = 200
_CROWDED_SECONDS: Final = 10.0
_HELD_SECONDS: Final = 60.0
_ANSWERED_SECONDS: Final = 10.0  # a lock is waited for 4 s, and the line before it takes a while
_HELD_SHORTLY_SECONDS: Final = 20.0  # in a run of few rounds
_FEW: Final = 5
_WITHIN_SECONDS: Final = 15.0  # 200 requests stand in the line when it is mended
_USUAL_SECONDS: Final = 3.0
_HEALTH_SECONDS_MAX: Final = 1.0
_HEALTH_TIMES_MAX: Final = 3  # of the usual, where a machine has much else to do


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Let a crowd meet a small server, and a few a held wallet, by turns; so many times."""
    with field.load(f"F16 {random.random()}", clients=_CLIENTS) as crowd:
        outcome = Outcome(crowd)
        for number in range(rounds):
            if number % 2:
                is_short = rounds < _FEW and not field.at_length
                held = _HELD_SHORTLY_SECONDS if is_short else _HELD_SECONDS
                _hold(field, outcome, random, seconds=held)
            else:
                _crowd(field, outcome)
    return outcome


def _crowd(field: Field, outcome: Outcome) -> None:
    """Give the server few connections, and then its usual ones again."""
    usual = health.watch(field.port, seconds=_USUAL_SECONDS)
    field.postgres.stop()
    field.postgres.settings["max_connections"] = _CONNECTIONS
    began = time.monotonic()
    field.postgres.start(field.log)
    refused = _refused(field)
    outcome.load.active = _CLIENTS
    slowest = health.watch(field.port, seconds=_CROWDED_SECONDS)
    _judge(outcome, f"behind {_CLIENTS} clients", took=slowest, usual=usual)
    outcome.load.active = CLIENTS
    if _refused(field) == refused:
        outcome.breaches.append(f"{_CONNECTIONS} connections were enough")
    del field.postgres.settings["max_connections"]
    field.postgres.stop()
    field.postgres.start(field.log)
    outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)


def _refused(field: Field) -> int:
    """Return to how many the server has said that it has no connection left."""
    words = (field.folder / "database.log").read_text(errors="replace")
    return sum(words.count(said) for said in _NO_CONNECTION)


def _hold(field: Field, outcome: Outcome, random: Random, *, seconds: float) -> None:
    """Hold one customer's wallet: his requests end in time, and the others' go on."""
    load = outcome.load
    kept = random.randrange(4)
    usual = health.watch(field.port, seconds=_USUAL_SECONDS)
    began = time.monotonic()
    with wallet_kept(field, load.people.names[kept]):
        slowest = health.watch(field.port, seconds=seconds)
    _judge(outcome, "by a held wallet", took=slowest, usual=usual)
    ended = time.monotonic()
    during = [one for one in list(load.books) if began < one.asked_at and one.heard_at < ended]
    others = [one for one in during if one.customer != kept]
    his = [one for one in list(load.books) if one.customer == kept and one.asked_at > began]
    if any(ended - one.asked_at > _ANSWERED_SECONDS and not one.heard_at for one in his):
        outcome.breaches.append("who asked for a held wallet was not answered in time")
    if not any(one.at_first == Told.ACKNOWLEDGED for one in others):
        outcome.breaches.append("a held wallet stopped everybody")
    outcome.recover(began, mended_at=ended, within_seconds=_WITHIN_SECONDS)


def _judge(outcome: Outcome, where: str, *, took: float, usual: float) -> None:
    """Break a rule where a probe had to wait: whoever asks by it would kill the API for it."""
    outcome.notes.append(f"health within {took:.2f} s {where}, {usual:.2f} s before")
    if took > max(_HEALTH_SECONDS_MAX, _HEALTH_TIMES_MAX * usual):
        outcome.breaches.append(f"health took {took:.2f} s {where}, and {usual:.2f} s before")


EXPERIMENT: Final = Experiment("F16", "connections used up; a wallet held", 20, run, ways=2)
