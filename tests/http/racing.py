"""Lets several threads start at once, each on a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

_Result = TypeVar("_Result")


def at_once(number: int, act: Callable[[int], _Result]) -> list[_Result | Exception]:
    """Return what each of `number` simultaneous calls returned or raised."""
    start = threading.Barrier(number)

    def one(place: int) -> _Result | Exception:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            return act(place)
        except Exception as exc:  # noqa: BLE001 (the result of a race is data)
            return exc
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))
