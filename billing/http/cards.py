"""Card numbers in texts: found, so that none is kept, and hidden. Pure.

A number counts as a card's when it begins and is as long as those of a network (ISO/IEC 7812) and
its last digit checks the others (Luhn). Spaces and hyphens between digits change nothing.
"""

import re
from collections.abc import Iterator
from typing import Final

# A row of 13 to 19 digits that is no part of a longer word or of a decimal number.
_ROW: Final = re.compile(r"(?<![\w.])[0-9](?:[ -]?[0-9]){12,18}(?![\w]|\.[0-9])", re.ASCII)
_APART: Final = re.compile(r"[ -]")
# Visa, Mastercard, American Express, UnionPay, Discover, JCB, Diners Club, Maestro.
_NETWORKS: Final = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|3[47][0-9]{13}"
    r"|62[0-9]{14,17}"
    r"|(?:6011|65[0-9]{2}|64[4-9][0-9])[0-9]{12,15}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11,16}"
    r"|(?:50[0-9]{2}|5[6-9][0-9]{2}|6[37][0-9]{2})[0-9]{9,15}"
)
_TWICE: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # a digit doubled, its two digits added
HIDDEN: Final = "[hidden]"


def is_card_number(written: str) -> bool:
    """Say whether a text is a card's number, whether or not it is in groups."""
    digits = _APART.sub("", written)
    return _NETWORKS.fullmatch(digits) is not None and _checks(digits)


def numbers_in(text: str) -> Iterator[str]:
    """Yield the card numbers that stand in a text."""
    yield from (found[0] for found in _ROW.finditer(text) if is_card_number(found[0]))


def without_numbers(text: str) -> str:
    """Return a text with each card number in it hidden. A repeat changes nothing."""
    return _ROW.sub(lambda found: HIDDEN if is_card_number(found[0]) else found[0], text)


def masked(number: str) -> str:
    """Return a card number as it may be shown: its last four digits."""
    return f"…{_APART.sub('', number)[-4:]}"


def _checks(digits: str) -> bool:
    """Say whether the last digit is the one that the others lead to (Luhn)."""
    values = [int(digit) for digit in reversed(digits)]
    return (sum(values[::2]) + sum(_TWICE[one] for one in values[1::2])) % 10 == 0
