"""A process that dies before or after an act: nothing of ours catches it."""

from collections.abc import Callable
from typing import Any


class Died(BaseException):
    """The process is gone: nothing of ours catches it."""


def dies(*_arguments: Any, **_named: Any) -> None:  # noqa: ANN401 (whatever is asked)
    """Die."""
    raise Died


def dies_after(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return what does its act, and dies before it can tell."""

    def done_and_dead(*arguments: Any, **named: Any) -> None:  # noqa: ANN401 (as above)
        act(*arguments, **named)
        raise Died

    return done_and_dead
