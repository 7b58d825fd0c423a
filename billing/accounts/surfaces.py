"""The ways in of a platform, as a catalog calls them: web, api, cli; pure."""

import re
from collections.abc import Sequence
from typing import Final

LENGTH_MAX: Final = 32
_SHAPE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
# What a program's calls count as where the catalog knows one way in only.
_OF_PROGRAMS: Final = "api"


def is_surface(text: object) -> bool:
    """Return whether `text` could be the name of a surface in some catalog."""
    return isinstance(text, str) and _SHAPE.fullmatch(text) is not None


def surface_of(said: str, *, is_service: bool, known: Sequence[str]) -> str:
    """Return the surface that a caller's orders count as.

    A caller that says none is a person at the catalog's first surface, or a program at its second.
    One that the catalog does not know stays what it is: no right and no price names it.

    Args:
        said: by the key or the token; "" where they say nothing.
        known: the catalog's surfaces, the first of them the usual one.
    """
    if said:
        return said
    if not is_service:
        return known[0]
    return known[1] if len(known) > 1 else _OF_PROGRAMS
