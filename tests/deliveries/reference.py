"""What must come of it all, from the emulator's own objects alone. It knows nothing of the product.

A pure model: whoever paid has what was sold for it; what went back of the money takes the same
share of the credits with it, and what of them was spent is owed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MICROS: Final = 1_000_000
PACK_CREDITS: Final = 100
PACK_PRICE: Final = 1000  # in the smallest unit of its currency
PACK_BONUS: Final = 10
PLAN_CREDITS: Final = 300
ACCOUNT: Final = "linggan_account"
# Of a dispute: money is gone while it is open, and when it is lost.
_GONE: Final = ("needs_response", "under_review", "lost")
Thing = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment that succeeded.

    Attributes:
        amount, back: in the smallest unit of the currency: what came, and what went back of it.
        credited_micros, taken_micros: what it brought, and what of it must be taken back.
    """

    stripe_id: str
    amount: int
    back: int
    credited_micros: int

    @property
    def taken_micros(self) -> int:
        """The share of the credits that goes with the money, rounded down."""
        return self.credited_micros * min(self.back, self.amount) // self.amount


@dataclass(slots=True)
class Expected:
    """What an account must have in the end."""

    paid: list[Paid] = field(default_factory=list)
    has_plan: bool = False
    is_ending: bool = False  # all money of its plan went back: it ends with the next sweep

    def worth_micros(self, spent_micros: int) -> tuple[int, int]:
        """Return what is free and what is owed, once so much was spent."""
        left = sum(one.credited_micros - one.taken_micros for one in self.paid) - spent_micros
        return max(0, left), max(0, -left)


def expected(objects: Mapping[str, Sequence[Thing]]) -> dict[str, Expected]:
    """Return by account what the emulator's payments, refunds and disputes come to."""
    owner = {one["id"]: one["metadata"].get(ACCOUNT, "") for one in objects.get("customer", ())}
    back = _back(objects)
    bills = _bills(objects)
    found: dict[str, Expected] = defaultdict(Expected)
    for account in owner.values():
        found[account] = Expected()
    for intent in objects.get("payment_intent", ()):
        if intent["status"] != "succeeded":
            continue
        account = found[owner[intent["customer"]]]
        plan = intent["id"] in bills
        packs = intent["amount_received"] // PACK_PRICE
        credits_ = PLAN_CREDITS if plan else packs * (PACK_CREDITS + PACK_BONUS)
        is_gone = back[intent["id"]] >= intent["amount_received"]
        account.has_plan |= plan and not is_gone
        account.is_ending |= plan and is_gone
        account.paid.append(
            Paid(intent["id"], intent["amount_received"], back[intent["id"]], credits_ * MICROS)
        )
    return dict(found)


def _back(objects: Mapping[str, Sequence[Thing]]) -> dict[str, int]:
    """Return by payment how much money went back of it."""
    found: dict[str, int] = defaultdict(int)
    for refund in objects.get("refund", ()):
        if refund["status"] == "succeeded":
            found[refund["payment_intent"]] += refund["amount"]
    for dispute in objects.get("dispute", ()):
        if dispute["status"] in _GONE:
            found[dispute["payment_intent"]] += dispute["amount"]
    return found


def _bills(objects: Mapping[str, Sequence[Thing]]) -> set[str]:
    """Return the payments that have paid the bill of a subscription."""
    return {
        one["payment"]["payment_intent"]
        for one in objects.get("invoice_payment", ())
        if one["status"] == "paid"
    }
