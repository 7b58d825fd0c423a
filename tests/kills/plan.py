"""What a storm will be, from its chance alone: which orders, which blows, and when. Pure."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

CREDITS_A_SECOND: Final = 2
SECONDS_MAX: Final = 4
CUSTOMERS: Final = 12
WORKERS: Final = 4
# Of each hundred orders.
_SLOW: Final = 8
_FAIL: Final = 4
_MODERATE: Final = 4
_CANCEL: Final = 6
_UNANSWERED: Final = 1
_REPEATED: Final = 4
_CLAIMS: Final = 3
_WEB_BLOWS_A_KILL: Final = 20  # one in so many more, which do not count as kills


class Word(StrEnum):
    """What an order asks its video to do; the predictor reads it in the prompt."""

    PLAIN = "[plain]"
    SLOW = "[slow]"
    FAIL = "[fail]"
    MODERATE = "[moderate]"


class Blow(StrEnum):
    """What happens to the service."""

    CHILD = "a worker's child is killed"
    PARENT = "a worker is killed, and its children are left behind"
    WORKER = "a worker is killed with its children"
    SCHEDULER = "the scheduler is killed"
    GPU = "the Cog server is killed; whoever calls it is cut off"
    MACHINE = "the Cog server is killed, and its address is away"
    WEB = "a process of the API is killed"
    WIPE = "Redis forgets everything"
    ZOMBIE = "a worker is frozen beyond its lease, in the middle of a hand-over"


KILLS: Final = (Blow.CHILD, Blow.PARENT, Blow.WORKER, Blow.SCHEDULER, Blow.GPU, Blow.MACHINE)
_WEIGHTS: Final = (50, 12, 12, 10, 8, 8)


@dataclass(frozen=True, slots=True)
class Asked:
    """How much, and which chances.

    Attributes:
        patience_seconds: how long all that was begun may take to end once nothing is killed.
    """

    jobs: int
    kills: int
    wipes: int
    zombies: int
    chance: str
    patience_seconds: int


@dataclass(frozen=True, slots=True)
class Order:
    """One order of one customer.

    Attributes:
        cancels_after: so many seconds after it was accepted; None: never.
        unanswered: the backend's answer to its first hand-over gets lost.
        repeated: it is sent again although it was answered.
        claims: its customer checks in before it.
    """

    number: int
    customer: int
    seconds: int
    word: Word
    cancels_after: float | None
    unanswered: bool
    repeated: bool
    claims: bool

    @property
    def price(self) -> int:
        """What it costs, in whole credits."""
        return CREDITS_A_SECOND * self.seconds

    @property
    def prompt(self) -> str:
        """What is ordered; it names the order, for witnesses who know no id of the service."""
        return f"{self.word} order {self.number}"


@dataclass(frozen=True, slots=True)
class Planned:
    """A blow, and how many orders must have been accepted before it falls."""

    after: int
    blow: Blow


def read(words: Sequence[str]) -> Asked:
    """Return what is asked for; of `--slice I/N` the I-th of N parts that are the whole together.

    Exits with a sentence when it cannot be read.
    """
    parser = argparse.ArgumentParser(
        prog="./run test", description="Kill the service's processes while it works."
    )
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--wipes", type=int, default=0)
    parser.add_argument("--zombies", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slice", default="1/1", metavar="I/N")
    parser.add_argument("--patience", type=int, default=900, metavar="SECONDS")
    given = parser.parse_args(words)
    mine, parts = (int(word) for word in given.slice.split("/"))
    if not 1 <= mine <= parts:
        parser.error(f"--slice {given.slice}: from 1/N to N/N")

    def share(whole: int) -> int:
        return whole * mine // parts - whole * (mine - 1) // parts

    return Asked(
        jobs=share(given.jobs),
        kills=share(given.kills),
        wipes=share(given.wipes),
        zombies=share(given.zombies),
        chance=f"{given.seed}/{mine}/{parts}",
        patience_seconds=given.patience,
    )


def orders(asked: Asked, *, customers: int) -> list[Order]:
    """Return the orders of a storm."""
    random = Random(f"orders {asked.chance}")
    made = []
    for number in range(asked.jobs):
        kind = random.randrange(100)
        word = Word.PLAIN
        if kind < _SLOW:
            word = Word.SLOW
        elif kind < _SLOW + _FAIL:
            word = Word.FAIL
        elif kind < _SLOW + _FAIL + _MODERATE:
            word = Word.MODERATE
        cancels = random.randrange(100) < _CANCEL
        made.append(
            Order(
                number=number,
                customer=random.randrange(customers),
                seconds=random.randint(1, SECONDS_MAX),
                word=word,
                cancels_after=random.choice([0.0, 0.1, 0.5, 2.0]) if cancels else None,
                unanswered=random.randrange(100) < _UNANSWERED,
                repeated=random.randrange(100) < _REPEATED,
                claims=random.randrange(100) < _CLAIMS,
            )
        )
    return made


def blows(asked: Asked) -> list[Planned]:
    """Return the blows of a storm, in their order: at random moments all over it."""
    random = Random(f"blows {asked.chance}")
    chosen = random.choices(KILLS, _WEIGHTS, k=asked.kills)
    chosen += [Blow.WIPE] * asked.wipes + [Blow.ZOMBIE] * asked.zombies
    chosen += [Blow.WEB] * (asked.kills // _WEB_BLOWS_A_KILL)
    planned = [Planned(random.randrange(_last(asked.jobs, blow)), blow) for blow in chosen]
    return sorted(planned, key=lambda one: one.after)


def _last(jobs: int, blow: Blow) -> int:
    """Return by how many orders a blow has fallen: a zombie needs a hand-over that comes later."""
    return max(1, jobs * 4 // 5) if blow == Blow.ZOMBIE else max(1, jobs)
