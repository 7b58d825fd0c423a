"""Stripe's test cards, and what becomes of a payment with each.

The numbers and the names are those of https://docs.stripe.com/testing; a payment method remembers
its number as `_number`, which only this emulator sees.
"""

from dataclasses import dataclass
from typing import Final, Literal

from tests.stripe_peer.world import Thing

_CENTURY: Final = 2000


@dataclass(frozen=True)
class Decline:
    """Why a bank said no."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True)
class Card:
    """How one test card behaves."""

    brand: str = "visa"
    decline: Decline | None = None
    is_attachable: bool = True
    # "set_up": not off session, once it was set up; "done": never off session.
    asks: Literal["never", "set_up", "done", "always"] = "never"
    dispute: str | None = None  # its reason
    is_inquiry: bool = False
    refund: Literal["succeeded", "pending", "failing"] = "succeeded"


def _declined(decline_code: str, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", decline_code, message)


GENERIC: Final = _declined("generic_decline")
_POOR: Final = _declined("insufficient_funds", "Your card has insufficient funds.")
_EXPIRED: Final = Decline("expired_card", "expired_card", "Your card has expired.")
_CVC: Final = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
_PROCESSING: Final = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
AUTHENTICATION: Final = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
CHALLENGE_FAILED: Final = Decline(
    "payment_intent_authentication_failure",
    None,
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data "
    "or a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
)

CARDS: Final[dict[str, Card]] = {
    "4242424242424242": Card(),
    "4000056655665556": Card(),
    "5555555555554444": Card(brand="mastercard"),
    "378282246310005": Card(brand="amex"),
    "6200000000000005": Card(brand="unionpay"),
    "4000000000000002": Card(decline=GENERIC, is_attachable=False),
    "4000000000009995": Card(decline=_POOR, is_attachable=False),
    "4000000000009987": Card(decline=_declined("lost_card"), is_attachable=False),
    "4000000000009979": Card(decline=_declined("stolen_card"), is_attachable=False),
    "4000000000000069": Card(decline=_EXPIRED, is_attachable=False),
    "4000000000000127": Card(decline=_CVC, is_attachable=False),
    "4000000000000119": Card(decline=_PROCESSING, is_attachable=False),
    "4000000000000341": Card(decline=GENERIC),
    "4000002500003155": Card(asks="set_up"),
    "4000002760003184": Card(asks="always"),
    "4000000000003220": Card(asks="always"),
    "4000003800000446": Card(asks="done"),
    "4000008260003178": Card(asks="set_up", decline=_POOR),
    "4000000000000259": Card(dispute="fraudulent"),
    "4000000000002685": Card(dispute="product_not_received"),
    "4000000000001976": Card(dispute="fraudulent", is_inquiry=True),
    "4000000000007726": Card(refund="pending"),
    "4000000000005126": Card(refund="failing"),
}

# What can be said in place of a number, as `pm_card_…` or `tok_…`.
NAMES: Final[dict[str, str]] = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "unionpay": "6200000000000005",
    "visa_chargeDeclined": "4000000000000002",
    "chargeDeclined": "4000000000000002",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedLostCard": "4000000000009987",
    "visa_chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "chargeCustomerFail": "4000000000000341",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequired": "4000002760003184",
    "threeDSecure2Required": "4000000000003220",
    "authenticationRequiredSetupForOffSession": "4000003800000446",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "createDisputeInquiry": "4000000000001976",
    "pendingRefund": "4000000000007726",
    "refundFail": "4000000000005126",
}


def card_of(method: Thing) -> Card:
    """Return how a payment method behaves; wallets behave like a good card."""
    return CARDS.get(method.get("_number", ""), Card())


def must_ask(method: Thing, *, is_off_session: bool) -> bool:
    """Say whether the bank wants the holder to authenticate this payment."""
    asks = card_of(method).asks
    if asks == "always":
        return True
    if asks == "set_up":
        return not (is_off_session and method.get("_is_set_up"))
    return asks == "done" and not is_off_session


def fault_of(number: str, month: int, year: int, cvc: str, now: tuple[int, int]) -> Decline | None:
    """Return what is wrong with the digits themselves; `now` is the year and the month."""
    full = year if year > _CENTURY else year + _CENTURY
    if not number.isdigit() or not _luhn(number):
        return Decline("incorrect_number", None, "Your card number is incorrect.")
    if not 1 <= month <= 12:
        return Decline("invalid_expiry_month", None, "Your card's expiration month is invalid.")
    if (full, month) < now:
        return Decline("invalid_expiry_year", None, "Your card's expiration year is invalid.")
    if not cvc.isdigit() or len(cvc) not in (3, 4):
        return Decline("invalid_cvc", None, "Your card's security code is invalid.")
    if number not in CARDS:
        return _declined(
            "test_mode_live_card",
            "Your card was declined. Your request was in "
            "test mode, but used a non test card. For a list of valid test cards, "
            "visit: https://stripe.com/docs/testing.",
        )
    return None


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
