"""One thing in a valid catalog that its author probably did not mean."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from plans.catalog.values import Scalar

Loc = tuple[int | str, ...]


@dataclass(frozen=True)
class Hint:
    """Something to look at: where it stands, what is odd, and what to do about it.

    Attributes:
        loc: the path in the file, numbers counted from 0: ("rate", 2, "price").
        code: a lasting name of this kind of hint, for programs.
    """

    loc: Loc
    code: str
    sentence: str
    remedy: str


def spoken(facts: Mapping[str, Scalar]) -> str:
    """Return an order as `./run manage rate` takes it: a flat JSON object."""
    return json.dumps(dict(facts), ensure_ascii=False)
