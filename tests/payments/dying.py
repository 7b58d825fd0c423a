"""A process that dies before or after an act: nothing of ours catches it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


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


@contextmanager
def death_at(
    place: object, name: str, how: Callable[..., Any], patch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let the process die in this block at an act of a module's, before or after it.

    That it comes to the act is part of the test.
    """
    with patch.context() as dying:
        dying.setattr(place, name, dies if how is dies else how(getattr(place, name)))
        with pytest.raises(Died):
            yield
