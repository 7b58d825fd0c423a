"""Many threads that start together, round after round, each on one connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from django.db import connection


class Crowd:
    """`size` threads; `rush` has all of them act at the same moment."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._start = threading.Barrier(size)
        self._pool = ThreadPoolExecutor(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the threads and their connections."""
        self.rush(lambda _place: connection.close())
        self._pool.shutdown()

    def rush(self, act: Callable[[int], object]) -> list[object]:
        """Return what each thread's call returned or raised."""

        def one(place: int) -> object:
            with connection.cursor() as cursor:
                # How long a slow machine makes the last one wait is no part of the question.
                cursor.execute("SET lock_timeout = 0; SET statement_timeout = 0")
            self._start.wait(timeout=60)  # so that each call has a thread of its own
            try:
                return act(place)
            except Exception as exc:  # noqa: BLE001 (the result of a race is data)
                return exc

        return list(self._pool.map(one, range(self.size)))
