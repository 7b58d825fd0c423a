"""Brings on a shop whose jobs succeed at once, its people, and a clock that can be wrong."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.insights.conftest import ada, buyer, eve, kling, shop

__all__ = ["ada", "buyer", "eve", "kling", "shop"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Return what moves the clock by which this process makes ids; the database keeps its own."""
    true = time.time_ns

    def shift(by: timedelta) -> None:
        moved = by // timedelta(microseconds=1) * 1000
        monkeypatch.setattr(time, "time_ns", lambda: true() + moved)

    return shift
