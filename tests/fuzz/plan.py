"""How many requests a run makes, and by whom; from its chance alone. Pure."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, Final

# Of each hundred requests: what no document describes, from raw bytes.
_GARBAGE: Final = 10
# Of each hundred of a role's requests: at the bounds of what the document says, one by one.
_AT_THE_BOUNDS: Final = 30
_BOUNDS_OF_AN_OPERATION: Final = 27  # about so many requests walk around one operation


class Role(StrEnum):
    """Who asks."""

    ANONYMOUS = "anonymous"
    USER = "user"
    MEMBER = "member"
    BILLING_ADMIN = "billing admin"
    OWNER = "owner"
    SERVICE = "service key with all scopes"
    NARROW_SERVICE = "service key with one scope"
    SANDBOX_USER = "sandbox user"
    SANDBOX_SERVICE = "sandbox service key"


@dataclass(frozen=True, slots=True)
class Person:
    """One role.

    Attributes:
        credential: what proves it; "" for nobody.
        headers: what it sends beyond that, by chance: each with the values that it chooses from.
        own: what is its own, by place (`path.job_id`): named in three of four requests.
        said: what it says of an operation whenever it asks as the document allows, by operation
            and place (`DELETE /v1/… path.endpoint_id`, `POST /v1/… body`): what is used up by
            it, and bodies that chance would hardly make; None: what chance has made.
    """

    credential: str
    headers: Mapping[str, list[str]] = field(default_factory=dict)
    own: Mapping[str, list[str]] = field(default_factory=dict)
    said: Mapping[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """How much, and which chances."""

    requests: int
    chance: str
    seed: int


def read(words: Sequence[str]) -> Asked:
    """Return what is asked for; of `--slice I/N` the I-th of N parts that are the whole together.

    Exits with a sentence when it cannot be read.
    """
    parser = argparse.ArgumentParser(
        prog="./run test", description="Ask the served product all that a document allows, and not."
    )
    parser.add_argument("--fuzz", type=int, required=True, metavar="REQUESTS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slice", default="1/1", metavar="I/N")
    given = parser.parse_args(words)
    mine, parts = (int(word) for word in given.slice.split("/"))
    if not 1 <= mine <= parts:
        parser.error(f"--slice {given.slice}: from 1/N to N/N")
    share = given.fuzz * mine // parts - given.fuzz * (mine - 1) // parts
    return Asked(
        requests=share, chance=f"{given.seed}/{mine}/{parts}", seed=given.seed * 1000 + mine
    )


def garbage(asked: Asked) -> int:
    """Return how many requests are raw bytes."""
    return asked.requests * _GARBAGE // 100


def shares(asked: Asked) -> Mapping[Role, int]:
    """Return how many requests each role makes; together with the garbage they are all."""
    whole, roles = asked.requests - garbage(asked), list(Role)
    return {
        role: whole * (place + 1) // len(roles) - whole * place // len(roles)
        for place, role in enumerate(roles)
    }


def walked(asked: Asked, role: Role, operations: Sequence[str]) -> Sequence[str]:
    """Return the operations around whose bounds a role walks: all of them in a long run."""
    few = shares(asked)[role] * _AT_THE_BOUNDS // 100 // _BOUNDS_OF_AN_OPERATION + 1
    random = Random(f"walked {asked.chance} {role}")
    return random.sample(list(operations), min(few, len(operations)))
