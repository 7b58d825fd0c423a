"""What no catalog file may hold, wherever it stands: looked for before anything else reads it."""

import re
from collections.abc import Iterator
from typing import Any, Final

from plans.wording import gettext as _

Loc = tuple[int | str, ...]

DEPTH_MAX: Final = 32
_WHOLE_MAX: Final = 10**18
# A text may have lines; what else is a control character is a slip, and databases refuse NUL.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class TooDeep(Exception):
    """A table lies in more tables than anything that a catalog says."""


def beyond(document: dict[str, Any]) -> Iterator[tuple[Loc, str]]:
    """Yield the texts and numbers of a file that nothing here could keep.

    Raises:
        TooDeep: tables and lists lie deeper in each other than `DEPTH_MAX`.
    """
    waiting: list[tuple[Loc, object]] = [((), document)]
    while waiting:
        loc, value = waiting.pop()
        if len(loc) > DEPTH_MAX:
            raise TooDeep
        if isinstance(value, dict):
            waiting.extend(((*loc, key), inner) for key, inner in value.items())
            yield from (((*loc, key), _no_text()) for key in value if _has_control(key))
        elif isinstance(value, list):
            waiting.extend(((*loc, place), inner) for place, inner in enumerate(value))
        elif isinstance(value, str) and _has_control(value):
            yield loc, _no_text()
        elif isinstance(value, int) and abs(value) > _WHOLE_MAX:
            yield loc, _("is a number beyond all limits.")


def _has_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def _no_text() -> str:
    return _("has a control character.")
