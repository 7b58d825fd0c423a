"""Amounts as Stripe counts them, in the smallest unit of each currency. Pure."""

from typing import Final

from plans.credits import format_micros

# The units that Stripe's API counts in have two places, but for these. ISK and UGX have none in
# life, and two in the API.
_NO_PLACES: Final = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
        *("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)
_THREE_PLACES: Final = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_PLACES_USUAL: Final = 2
_PLACES_OF_MICROS: Final = 6


def micros_of(amount: int, currency: str) -> int:
    """Return an amount of Stripe's in millionths of the currency's unit: 6600 CNY are 66.00."""
    places = _PLACES_USUAL
    if currency in _NO_PLACES:
        places = 0
    elif currency in _THREE_PLACES:
        places = 3
    return int(amount * 10 ** (_PLACES_OF_MICROS - places))


def stripe_amount(micros: int, currency: str) -> int:
    """Return an amount as Stripe counts it: 66.00 CNY are 6600.

    Args:
        micros: millionths of the currency's unit, a whole number of its smallest ones.
    """
    each = 1_000_000 // micros_of(1, currency) if micros_of(1, currency) else 1
    whole, rest = divmod(micros * each, 1_000_000)
    assert rest == 0, "a price has no more places than its currency"
    return whole


def written(micros: int, currency: str) -> dict[str, str]:
    """Return an amount as other systems read it: "66.00" and its currency."""
    whole, _point, places = format_micros(micros).partition(".")
    return {"amount": f"{whole}.{places.ljust(2, '0')}", "currency": currency}
