"""Which statements the product itself makes, and from where: not what a test asks."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from django.db import connection

from tests.architecture.tree import ROOT

# What looks over all wallets on purpose: an operator's questions, and a test's own.
_NOT_HOT: Final = ("billing/insights/",)


class Said(NamedTuple):
    """A statement, and the function of ours that made it: "billing/jobs/api.py:get"."""

    place: str
    sql: str


@contextmanager
def recorded() -> Iterator[list[Said]]:
    """Collect what the product says to the database meanwhile."""
    found: list[Said] = []

    def listen(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:  # noqa: ANN401 (as Django's)
        place = _place()
        if place is not None:
            found.append(Said(place, sql))
        return execute(sql, *rest)

    with connection.execute_wrapper(listen):
        yield found


def _place() -> str | None:
    """Return the nearest function of the product on the stack; None: a test's comes before."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file == ROOT / "plans" / "asking.py":  # it passes on what others ask
            frame = frame.f_back
            continue
        if file.is_relative_to(ROOT / "billing") or file.is_relative_to(ROOT / "plans"):
            name = str(file.relative_to(ROOT))
            return None if name.startswith(_NOT_HOT) else f"{name}:{frame.f_code.co_name}"
        if file.is_relative_to(ROOT / "tests"):
            own = file == Path(__file__)
            if not own:
                return None
        frame = frame.f_back
    return None
