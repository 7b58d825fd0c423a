"""What people are written about, and which facts each kind of letter needs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from plans.credits import format_micros


class Kind(StrEnum):
    """What a letter is about; each has a text in every language."""

    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_ACTION_REQUIRED = "payment_action_required"
    SUBSCRIPTION_RENEWED = "subscription_renewed"
    SUBSCRIPTION_ENDING = "subscription_ending"
    SUBSCRIPTION_CANCELED = "subscription_canceled"
    SUBSCRIPTION_ENDED = "subscription_ended"
    TRIAL_ENDS_SOON = "trial_ends_soon"
    GRACE_ENDS_SOON = "grace_ends_soon"
    TOP_UP_MADE = "top_up_made"
    TOP_UP_DECLINED = "top_up_declined"
    TOP_UP_STOPPED = "top_up_stopped"
    REFUND_MADE = "refund_made"
    DISPUTE_OPENED = "dispute_opened"
    CARD_EXPIRES = "card_expires"
    CATALOG_ANNOUNCED = "catalog_announced"
    CATALOG_RECALLED = "catalog_recalled"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of money, in millionths of the currency's unit."""

    micros: int
    currency: str


# A word, an instant, an amount, or a name in both languages: {"en": …, "zh": …}.
Fact = str | datetime | Money | Mapping[str, str]

# What a letter cannot be written without, and what it says where it is known.
NEEDED: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.PAYMENT_RECEIVED: frozenset({"amount", "what"}),
    Kind.PAYMENT_FAILED: frozenset({"amount", "what"}),
    Kind.PAYMENT_ACTION_REQUIRED: frozenset({"amount", "what", "pay_url"}),
    Kind.SUBSCRIPTION_RENEWED: frozenset({"plan", "paid_until"}),
    Kind.SUBSCRIPTION_ENDING: frozenset({"plan", "ends_at"}),
    Kind.SUBSCRIPTION_CANCELED: frozenset({"plan", "ends_at"}),
    Kind.SUBSCRIPTION_ENDED: frozenset({"plan"}),
    Kind.TRIAL_ENDS_SOON: frozenset({"plan", "ends_at"}),
    Kind.GRACE_ENDS_SOON: frozenset({"plan", "ends_at"}),
    Kind.TOP_UP_MADE: frozenset({"amount", "what"}),
    Kind.TOP_UP_DECLINED: frozenset({"amount", "what"}),
    Kind.TOP_UP_STOPPED: frozenset({"what"}),
    Kind.REFUND_MADE: frozenset({"amount", "what"}),
    Kind.DISPUTE_OPENED: frozenset({"amount", "account", "dispute"}),
    Kind.CARD_EXPIRES: frozenset({"card", "expires"}),
    Kind.CATALOG_ANNOUNCED: frozenset({"text", "begins_at"}),
    Kind.CATALOG_RECALLED: frozenset({"begins_at"}),
}
KNOWN: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.PAYMENT_RECEIVED: frozenset({"receipt_url"}),
    Kind.PAYMENT_FAILED: frozenset({"next_attempt_at", "pay_url"}),
    Kind.PAYMENT_ACTION_REQUIRED: frozenset({"expires_at"}),
    Kind.SUBSCRIPTION_RENEWED: frozenset({"amount", "receipt_url"}),
    Kind.SUBSCRIPTION_ENDED: frozenset({"ended_at"}),
    Kind.TRIAL_ENDS_SOON: frozenset({"amount"}),
    Kind.GRACE_ENDS_SOON: frozenset({"amount", "pay_url"}),
    Kind.TOP_UP_DECLINED: frozenset({"retry_at"}),
    Kind.TOP_UP_STOPPED: frozenset({"reason"}),
    Kind.DISPUTE_OPENED: frozenset({"reason", "evidence_due_at"}),
}
# These go to the operators, not to the account.
FOR_OPERATORS: Final = frozenset({Kind.DISPUTE_OPENED})

assert set(NEEDED) == set(Kind), "every kind needs its facts"


def written(kind: Kind, facts: Mapping[str, Fact | None]) -> dict[str, Any]:
    """Return the facts as JSON can say them; those that are None are left out.

    Raises:
        ValueError: one is missing that the letter needs, or is none of its own.
    """
    given = {name: fact for name, fact in facts.items() if fact is not None}
    missing = NEEDED[kind] - set(given)
    strange = set(given) - NEEDED[kind] - KNOWN.get(kind, frozenset())
    if missing or strange:
        raise ValueError(f"{kind}: missing {sorted(missing)}, strange {sorted(strange)}")
    return {name: _written(fact) for name, fact in given.items()}


def _written(fact: Fact) -> object:
    match fact:
        case Money():
            whole, _point, places = format_micros(fact.micros).partition(".")
            return {"amount": f"{whole}.{places.ljust(2, '0')}", "currency": fact.currency}
        case datetime():
            return {"at": fact.isoformat()}
        case Mapping():
            return dict(fact)
    return fact
