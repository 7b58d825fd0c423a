"""Amounts: decimal text outside, integers of a millionth inside, never a float."""

import re
from typing import Final

from plans.wording import gettext as _

MICROS: Final = 1_000_000
CREDITS_MAX: Final = 10**12
MICROS_MAX: Final = CREDITS_MAX * MICROS
_PLACES: Final = 6
# ASCII digits only: `\d` would also take the digits of other scripts.
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,6}))?")


def parse_micros(text: str) -> int:
    """Return the millionths that `text` says: "0.63" is 630000.

    Raises:
        ValueError: a sign, an exponent, a space, a leading zero, more than six decimal places,
            or more than 10**12.
    """
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ValueError(
            _('must be a plain decimal such as "10" or "0.63", with at most 6 places.')
        )
    whole, places = found.groups(default="")
    micros = int(whole) * MICROS + int(places.ljust(_PLACES, "0"))
    if micros > MICROS_MAX:
        raise ValueError(_("must be at most 1000000000000."))
    return micros


def format_micros(micros: int) -> str:
    """Return `micros` as the shortest decimal text: 630000 is "0.63", 66000000 is "66"."""
    whole, places = divmod(abs(micros), MICROS)
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole}.{places:06d}".rstrip("0").rstrip(".")
