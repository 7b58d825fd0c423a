"""The words of the journal: which way an entry moves credits, and how entries are chained. Pure.

issued ──grant──► available ──hold──► held ──capture──► captured
  │                  │  ▲              │ │
  │                  │  └───release────┘ └──lapse──► expired
  │                  ├──expire──► expired
  │                  ├──repay──► captured
  │                  ├──transfer──► transferred
  │                  └──revoke──► revoked
  └──withdraw──► revoked
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
    TRANSFERRED = "transferred"  # gone to another wallet


class Kind(StrEnum):
    """What an entry says has happened."""

    GRANT = "grant"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    EXPIRE = "expire"
    LAPSE = "lapse"  # a release into a grant that has expired meanwhile
    REVOKE = "revoke"
    WITHDRAW = "withdraw"  # a revocation before the grant began
    REPAY = "repay"  # what arrives pays what is owed
    TRANSFER = "transfer"


# Balanced by construction: each kind has one source and one target, and one amount.
PATHS: Final[Mapping[Kind, tuple[Bucket, Bucket]]] = {
    Kind.GRANT: (Bucket.ISSUED, Bucket.AVAILABLE),
    Kind.HOLD: (Bucket.AVAILABLE, Bucket.HELD),
    Kind.CAPTURE: (Bucket.HELD, Bucket.CAPTURED),
    Kind.RELEASE: (Bucket.HELD, Bucket.AVAILABLE),
    Kind.EXPIRE: (Bucket.AVAILABLE, Bucket.EXPIRED),
    Kind.LAPSE: (Bucket.HELD, Bucket.EXPIRED),
    Kind.REVOKE: (Bucket.AVAILABLE, Bucket.REVOKED),
    Kind.WITHDRAW: (Bucket.ISSUED, Bucket.REVOKED),
    Kind.REPAY: (Bucket.AVAILABLE, Bucket.CAPTURED),
    Kind.TRANSFER: (Bucket.AVAILABLE, Bucket.TRANSFERRED),
}
assert set(PATHS) == set(Kind), "every kind needs a path"

# Tuples, not sets: constraints are built from them.
CAUSES: Final = (
    *("job", "allowance", "expiry", "service_grant", "operator"),
    *("rollover", "subscription", "conversion", "pack", "campaign"),
    *("adjustment", "compensation", "debt", "transfer", "allotment", "refund"),
    "import",
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

    Whoever holds the entries can compute it again without this program: docs/receipts.md.
    """
    return link(previous, facts_of(wallet_id=wallet_id, seq=seq, movement=movement))


def link(previous: bytes, facts: str) -> bytes:
    """Return the digest of an entry of these facts: SHA-256 over the digest before it and them."""
    return hashlib.sha256(previous + facts.encode()).digest()


def facts_of(*, wallet_id: str, seq: int, movement: Movement) -> str:
    """Return an entry's facts as they are chained: compact JSON, in this order for ever."""
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
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
