"""F15: packets between the product and what it stands on are dropped, refused, or lost by chance.

The rules name only ports of servers that were started here, stand in a chain of their own, and are
taken away however the round ends.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Final

from tests.faults import broker
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field

_CHAIN: Final = "LINGGAN_FAULTS"
_DROP: Final = ("-j", "DROP")
_LOSE: Final = ("-m", "statistic", "--mode", "random", "--probability", "0.3", "-j", "DROP")
_REFUSE: Final = ("-j", "REJECT", "--reject-with", "tcp-reset")
# What is lost: the way there, the way back, both.
_WAYS: Final = (("--dport",), ("--sport",), ("--dport", "--sport"))
_WITHIN_SECONDS: Final = 30.0
_SECONDS: Final = (5.0, 60.0)
_FEW: Final = 12
_SHORTLY_SECONDS: Final = (5.0, 10.0)  # in a run of few rounds


def missing() -> str:
    """Say what is needed and absent."""
    if shutil.which("iptables") is None:
        return "iptables is missing: apt install iptables"
    if os.geteuid() != 0 or _run("-L", "OUTPUT", "-n").returncode != 0:
        return "only root may drop packets; run it as root"
    return ""


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Part each pair in each way by turns; so many times in all."""
    pairs = {
        "the database": field.ground.door_port,
        "the broker": field.service.servers.valkey.port,
        "the GPU": field.ground.gate.port,
    }
    hows = {"dropped": _DROP, "refused": _REFUSE, "30 % lost": _LOSE}
    cases = [(whom, how) for how in hows for whom in pairs]
    spans = _SHORTLY_SECONDS if rounds <= _FEW and not field.at_length else _SECONDS
    with field.load(f"F15 {random.random()}") as load:
        outcome = Outcome(load)
        for number in range(rounds):
            whom, how = cases[number % len(cases)]
            # Each pair comes to each way in turn, and not always to the same.
            turn = number + number // len(pairs) + number // len(cases)
            ways = _WAYS[2] if how == "30 % lost" else _WAYS[turn % len(_WAYS)]
            load.live_for(random.uniform(0.5, 2.0))
            began = time.monotonic()
            with _parted(pairs[whom], ways, hows[how]):
                load.live_for(random.uniform(*spans))
                if not _met():
                    outcome.breaches.append(f"no packet was met: {whom} {how}, {' '.join(ways)}")
            broker.supervise(field, outcome)
            told = len(outcome.breaches)
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)
            if len(outcome.breaches) > told:
                outcome.notes.append(f"not well in time: {whom} {how}, {' '.join(ways)}")
        broker.require_consumption(field, outcome)
    return outcome


@contextmanager
def _parted(port: int, ways: Sequence[str], how: Sequence[str]) -> Iterator[None]:
    """Let packets of this port not come through while the block runs."""
    _must("-N", _CHAIN)
    try:
        for way in ways:
            _must("-A", _CHAIN, "-p", "tcp", way, str(port), *how)
        _must("-I", "OUTPUT", "-o", "lo", "-j", _CHAIN)
        yield
    finally:
        _run("-D", "OUTPUT", "-o", "lo", "-j", _CHAIN)
        _run("-F", _CHAIN)
        _run("-X", _CHAIN)


def _met() -> int:
    """Return how many packets the rules have met."""
    listed = _run("-nvxL", _CHAIN).stdout.splitlines()[2:]  # below two lines of headings
    return sum(int(line.split()[0]) for line in listed)


def _must(*words: str) -> None:
    done = _run(*words)
    assert done.returncode == 0, done.stderr


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own words)
        [shutil.which("iptables") or "iptables", "-w", *words],
        check=False,
        capture_output=True,
        text=True,
    )


EXPERIMENT: Final = Experiment("F15", "parted from database, broker, GPU", 60, run, missing, ways=9)
