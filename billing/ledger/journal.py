"""The words of the journal: which way an entry moves credits, and how entries are chained. Pure.

issued ──grant──► available ──hold──► held ──capture──► captured
                     │  ▲              │ │
                     │  └───release────┘ └──lapse──► expired
                     ├──expire──► expired
                     └──revoke──► revoked
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

AMOUNT_MAX_MICROS: Final = 10**18  # a million million credits; far inside 64 bits
GENESIS: Final = bytes(32)  # what the first entry of a wallet is chained to


class Bucket(StrEnum):
    """Where credits are; an entry takes them from one bucket to another."""

    ISSUED = "issued"  # promised by a grant, not yet in effect
    AVAILABLE = "available"  # free to be held
    HELD = "held"  # set aside for a piece of work
    CAPTURED = "captured"  # spent
    EXPIRED = "expired"  # gone by time
    REVOKED = "revoked"  # taken back


class Kind(StrEnum):
    """What an entry says has happened."""

    GRANT = "grant"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    EXPIRE = "expire"
    LAPSE = "lapse"  # a release into a grant that has expired meanwhile
    REVOKE = "revoke"


# Balanced by construction: each kind has one source and one target, and one amount.
PATHS: Final[Mapping[Kind, tuple[Bucket, Bucket]]] = {
    Kind.GRANT: (Bucket.ISSUED, Bucket.AVAILABLE),
    Kind.HOLD: (Bucket.AVAILABLE, Bucket.HELD),
    Kind.CAPTURE: (Bucket.HELD, Bucket.CAPTURED),
    Kind.RELEASE: (Bucket.HELD, Bucket.AVAILABLE),
    Kind.EXPIRE: (Bucket.AVAILABLE, Bucket.EXPIRED),
    Kind.LAPSE: (Bucket.HELD, Bucket.EXPIRED),
    Kind.REVOKE: (Bucket.AVAILABLE, Bucket.REVOKED),
}
assert set(PATHS) == set(Kind), "every kind needs a path"

# Tuples, not sets: constraints are built from them.
CAUSES: Final = (
    *("job", "allowance", "expiry", "service_grant", "operator"),
    *("rollover", "subscription", "conversion", "pack", "campaign"),
)
ACTORS: Final = ("user", "service", "operator", "backend", "system")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why credits moved: a type of `CAUSES`, and the id of the thing."""

    type: str
    id: str

    def __post_init__(self) -> None:
        """Refuse a type that the database would refuse."""
        assert self.type in CAUSES, self.type


@dataclass(frozen=True, slots=True)
class Actor:
    """Who moved credits: a type of `ACTORS`, and which one."""

    type: str
    id: str

    def __post_init__(self) -> None:
        """Refuse a type that the database would refuse."""
        assert self.type in ACTORS, self.type


SYSTEM: Final = Actor("system", "clock")


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry to be: `amount_micros` of one grant along the path of `kind`.

    Attributes:
        effective_at: the instant from which it counts, in UTC; never earlier than the
            movement before it.
        available_after_micros, held_after_micros: the wallet's balances once it counts.
    """

    kind: Kind
    grant_id: str
    hold_id: str | None
    amount_micros: int
    available_after_micros: int
    held_after_micros: int
    cause: Cause
    actor: Actor
    effective_at: datetime


def chain(previous: bytes, *, wallet_id: str, seq: int, movement: Movement) -> bytes:
    """Return the 32 bytes that bind `movement` to all entries of the wallet before it.

    SHA-256 over the previous digest and the entry's facts as compact JSON in this order;
    whoever holds the entries can compute it again without this program.
    """
    facts = [
        wallet_id,
        seq,
        movement.kind,
        movement.amount_micros,
        movement.grant_id,
        movement.hold_id,
        movement.available_after_micros,
        movement.held_after_micros,
        movement.cause.type,
        movement.cause.id,
        movement.actor.type,
        movement.actor.id,
        movement.effective_at.isoformat(timespec="microseconds"),
    ]
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(previous + text.encode()).digest()
