"""What a period, a part of it and a coupon cost: pure, in the currency's smallest unit.

Shares round to the nearest unit, halves away from zero, so that a credit and the debit that it
takes back are the same number with another sign.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Row = dict[str, Any]


def share(amount: int, part: int, whole: int) -> int:
    """Return an amount times `part`, divided by `whole`, to the nearest unit."""
    assert whole > 0, "a share of nothing"
    sign = -1 if amount < 0 else 1
    return sign * ((2 * abs(amount) * part + whole) // (2 * whole))


def price_of(price: Row, quantity: int) -> int:
    """Return what `quantity` of a price costs for one whole period."""
    if price["unit_amount"] is not None:
        return int(price["unit_amount"]) * quantity
    each = Decimal(price["unit_amount_decimal"]) * quantity
    return int(each.quantize(Decimal(1), ROUND_HALF_UP))


def percent(amount: int, percent_off: float | str) -> int:
    """Return so many per cent of an amount."""
    part = amount * Decimal(str(percent_off)) / 100
    return int(part.quantize(Decimal(1), ROUND_HALF_UP))


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Return `total` in parts proportional to the weights, which sum to it exactly.

    The last units go to those who lost most by rounding down; of equals, to the first.
    """
    whole = sum(weights)
    if whole == 0:
        return [0 for _weight in weights]
    parts = [total * weight // whole for weight in weights]
    lost = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in lost[: total - sum(parts)]:
        parts[i] += 1
    return parts


def taken_off(coupon: Row, amounts: Sequence[int], currency: str) -> list[int]:
    """Return what a coupon takes off each of some amounts: never more than there is.

    Of an amount off, each line bears its part; of per cents, each line its own.
    """
    charged = [max(0, amount) for amount in amounts]
    if coupon["percent_off"] is not None:
        return [percent(amount, coupon["percent_off"]) for amount in charged]
    return spread(min(off_in(coupon, currency), sum(charged)), charged)


def off_in(coupon: Row, currency: str) -> int:
    """Return the amount that a coupon takes off in a currency: 0 where it has none."""
    if coupon["currency"] == currency:
        return int(coupon["amount_off"])
    other = (coupon.get("currency_options") or {}).get(currency)
    return int(other["amount_off"]) if other else 0


def settle(total: int, balance: int) -> tuple[int, int]:
    """Return what is due of an invoice and the customer's balance after it.

    A balance below zero is credit: it pays first. An invoice below zero adds to the credit. A
    balance above zero is owed and is asked for with it (docs.stripe.com/billing/customer/balance).
    """
    owed = total + balance
    return (owed, 0) if owed >= 0 else (0, owed)
