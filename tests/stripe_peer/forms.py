"""Stripe's way to write nested parameters in a form: `items[0][price]=price_1`."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl

from tests.stripe_peer.refusals import Refused

_KEYS: Final = re.compile(r"\[([^\]]*)\]")


def decoded(text: str) -> dict[str, Any]:
    """Return the parameters as nested dicts of strings; a list is a dict with numbers as keys.

    Raises:
        Refused: a name is used both for a value and for what holds values.
    """
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head, bracket, _rest = name.partition("[")
        keys = [head, *(_KEYS.findall(name) if bracket else [])]
        place = found
        for key in keys[:-1]:
            place = place.setdefault(key or str(len(place)), {})
            if not isinstance(place, dict):
                raise Refused(f"Invalid object: {name}", param=head)
        place[keys[-1] or str(len(place))] = value
    return found
