"""Numbers by which taxpayers are known in China. Pure."""

import re
from typing import Final

# GB 32100-2015: 18 characters of these, without the letters that look like digits.
_CHARACTERS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_SHAPE: Final = re.compile(rf"[0-9A-Y][0-9A-Y][0-9]{{6}}[{_CHARACTERS}]{{10}}")
_BASE: Final = len(_CHARACTERS)
_WEIGHTS: Final = tuple(pow(3, place, _BASE) for place in range(17))
# The number that taxpayers had before, which some still have.
_FORMER: Final = re.compile(r"[0-9]{6}[0-9A-Z]{9}")


def is_social_credit_code(written: str) -> bool:
    """Say whether it is a unified social credit code whose last character checks the others."""
    if _SHAPE.fullmatch(written) is None or set(written) - set(_CHARACTERS):
        return False
    values = [_CHARACTERS.index(character) for character in written]
    weighed = sum(value * weight for value, weight in zip(values, _WEIGHTS, strict=False))
    return values[-1] == -weighed % _BASE


def is_tax_number(written: str) -> bool:
    """Say whether a company can be known by it: its social credit code, or its former number."""
    return is_social_credit_code(written) or _FORMER.fullmatch(written) is not None
