"""Questions to what may not answer: each is asked by one thread, and nobody waits for it for long.

No time limit of a client's holds against a server that has stopped in the middle of an answer, so
the one that asks is a thread that can be left waiting. There is one for each question and process:
whoever asks meanwhile waits for the same answer, and a probe a second leaves no crowd behind.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from django.db import connections

ANSWER_SECONDS: Final = 0.8  # so that a probe that gives up after a second has heard us
_T = TypeVar("_T")


class Question(Generic[_T]):
    """Something that is asked anew each time, and by one thread at a time."""

    def __init__(self, name: str, ask: Callable[[], _T]) -> None:
        self.name = name
        self._ask = ask
        self._lock = threading.Lock()
        self._open: Future[_T] | None = None

    def put(self) -> "Answer[_T]":
        """Ask, unless it is being asked; do not wait."""
        with self._lock:
            if self._open is None or self._open.done():
                self._open = Future()
                threading.Thread(
                    target=self._find_out, args=(self._open,), name=f"ask-{self.name}", daemon=True
                ).start()
            return Answer(self._open)

    def _find_out(self, answer: Future[_T]) -> None:
        try:
            found = self._ask()
        except Exception as problem:  # noqa: BLE001 (whoever asked is told)
            answer.set_exception(problem)
        else:
            answer.set_result(found)
        finally:
            # A session of its own each time: that a new one can be had is part of the answer.
            connections.close_all()


class Answer(Generic[_T]):
    """What a question will bring, for whoever put it at that instant."""

    def __init__(self, found: Future[_T]) -> None:
        self._found = found
        self._until = time.monotonic() + ANSWER_SECONDS

    def heard(self) -> _T:
        """Return it.

        Raises:
            TimeoutError: none came in time. Whatever else asking raised is raised here.
        """
        return self._found.result(timeout=max(0.0, self._until - time.monotonic()))
