"""Currencies, and amounts in the words of Stripe's messages."""

from typing import Any, Final

from tests.stripe_peer.refusals import Refused

_CURRENCIES: Final = frozenset(
    {
        "aud",
        "brl",
        "cad",
        "chf",
        "cny",
        "czk",
        "dkk",
        "eur",
        "gbp",
        "hkd",
        "inr",
        "jpy",
        "krw",
        "mxn",
        "myr",
        "nok",
        "nzd",
        "php",
        "pln",
        "sek",
        "sgd",
        "thb",
        "twd",
        "usd",
        "vnd",
        "zar",
    }
)
_WHOLE: Final = frozenset({"jpy", "krw", "vnd"})  # of these, one unit is the smallest
_SIGNS: Final = {"usd": "$", "eur": "€", "cny": "CN¥", "gbp": "£", "jpy": "¥", "hkd": "HK$"}
_LEAST: Final = {"usd": 50, "eur": 50, "gbp": 30, "hkd": 400, "jpy": 50}


def currency_of(given: str) -> str:
    """Return a currency in small letters.

    Raises:
        Refused: there is no such currency.
    """
    currency = given.lower()
    if currency not in _CURRENCIES:
        raise Refused(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(_CURRENCIES))}",
            param="currency",
        )
    return currency


def worded(amount: int, currency: str) -> str:
    """Return an amount for a person: "$20.00"."""
    sign = _SIGNS.get(currency, currency.upper() + " ")
    if currency in _WHOLE:
        return f"{sign}{amount}"
    return f"{sign}{amount // 100}.{amount % 100:02}"


def require_chargeable(amount: Any, currency: str) -> None:  # noqa: ANN401 (a checked parameter)
    """Refuse what no card is charged for.

    Raises:
        Refused: nothing, or less than the currency's least amount.
    """
    if amount < 1:
        raise Refused(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    least = _LEAST.get(currency, 1)
    if amount < least:
        raise Refused(
            f"Amount must be at least {worded(least, currency)} {currency}",
            code="amount_too_small",
            param="amount",
        )
