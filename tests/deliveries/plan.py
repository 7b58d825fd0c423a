"""What becomes of each customer, and how Stripe's word of it travels: from chance alone. Pure."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

COPIES_MAX: Final = 10
# So many deliveries come of one customer, about: his events, each 1 to 10 times.
_DELIVERIES_A_CUSTOMER: Final = 45
_FORGED_A_HUNDRED: Final = 12
_PACKS_MAX: Final = 3


class Way(StrEnum):
    """How a customer pays, or does not."""

    CARD = "pays by card"
    DECLINED = "is declined, then pays"
    CHALLENGED = "proves himself to his bank, then pays"
    WALLET = "authorises a wallet, which pays later"
    WALLET_FAILED = "authorises a wallet, which then refuses"
    LEFT = "goes away"
    PLAN = "subscribes by card"


class Back(StrEnum):
    """What goes back of what he paid."""

    NOTHING = "nothing"
    PART = "a part is refunded"
    PARTS = "two parts are refunded"
    ALL = "all is refunded"
    FAILED = "a refund fails, and the money is ours again"
    OPEN = "he disputes it, and nothing is decided"
    WON = "he disputes it, and we win"
    LOST = "he disputes it, and we lose"
    PART_THEN_LOST = "a part is refunded, then he disputes the rest, and we lose"
    INQUIRY = "his bank only asks"


class Forgery(StrEnum):
    """What a stranger, or a broken wire, sends instead of an event."""

    SECRET = "signed with another secret"
    BODY = "its body was changed after it was signed"
    CUT = "it was cut in half"
    OLD = "it was signed an hour ago"
    FUTURE = "it was signed an hour ahead"
    NO_SIGNATURE = "it has no signature"
    EMPTY = "it is signed with an empty secret"
    LIVE = "it says that it is of real money"
    ACCOUNT = "it is of another account"


@dataclass(frozen=True, slots=True)
class Asked:
    """How much, and which chances."""

    deliveries: int
    chance: str


@dataclass(frozen=True, slots=True)
class Story:
    """One customer.

    Attributes:
        spends: of what he bought, in whole credits, before money goes back; as far as it comes.
    """

    number: int
    way: Way
    back: Back
    quantity: int
    spends: int

    @property
    def name(self) -> str:
        """How the platform calls him."""
        return f"buyer-{self.number}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to the inbox: an event, or what is made of it."""

    event: str
    forgery: Forgery | None


def read(words: Sequence[str]) -> Asked:
    """Return what is asked for; of `--slice I/N` the I-th of N parts that are the whole together.

    Exits with a sentence when it cannot be read.
    """
    parser = argparse.ArgumentParser(
        prog="./run test", description="Deliver Stripe's events in every wrong way."
    )
    parser.add_argument("--deliveries", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slice", default="1/1", metavar="I/N")
    given = parser.parse_args(words)
    mine, parts = (int(word) for word in given.slice.split("/"))
    if not 1 <= mine <= parts:
        parser.error(f"--slice {given.slice}: from 1/N to N/N")
    share = given.deliveries * mine // parts - given.deliveries * (mine - 1) // parts
    return Asked(deliveries=share, chance=f"{given.seed}/{mine}/{parts}")


def stories(asked: Asked) -> list[Story]:
    """Return the customers; as many as bring so many deliveries, about."""
    random = Random(f"stories {asked.chance}")
    return [
        Story(
            number=number,
            way=random.choices(list(Way), (30, 10, 10, 8, 6, 6, 30))[0],
            back=random.choice(list(Back)),
            quantity=random.randint(1, _PACKS_MAX),
            spends=random.choice((0, 0, 40, 1000)),
        )
        for number in range(max(len(Way), asked.deliveries // _DELIVERIES_A_CUSTOMER))
    ]


def deliveries(asked: Asked, events: Sequence[str], *, part: int) -> list[Delivery]:
    """Return what is sent in one of two parts: each event once at least, all of them shuffled.

    Args:
        events: the ids of all that Stripe has to tell by then, the oldest first.
        part: 0 for what comes before money goes back, 1 for what comes after.
    """
    random = Random(f"deliveries {asked.chance} {part}")
    sent = [*_genuine(random, asked.deliveries // 2, events)]
    forged = max(len(Forgery), len(sent) * _FORGED_A_HUNDRED // 100)
    kinds = [*Forgery, *random.choices(list(Forgery), k=forged - len(Forgery))]
    sent += [Delivery(random.choice(events), forgery) for forgery in kinds]
    random.shuffle(sent)
    return sent


def _genuine(random: Random, wanted: int, events: Sequence[str]) -> Iterator[Delivery]:
    """Yield each event, and copies of them until there are about as many as are wanted."""
    more = max(0, wanted * 100 // (100 + _FORGED_A_HUNDRED) - len(events))
    copies = [event for event in events for _copy in range(COPIES_MAX // 2 - 1)]
    random.shuffle(copies)
    for event in (*events, *copies[:more]):
        yield Delivery(event, None)
