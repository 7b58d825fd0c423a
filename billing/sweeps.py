"""Looks after rows that are due, each by itself: one that fails keeps no other waiting."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

_log = structlog.get_logger(__name__)


class Sweep:
    """One run over what is due, which counts its rows.

    Attributes:
        tried: how many rows were begun with.
        done: how many of them went well.
    """

    def __init__(self, stumble: str) -> None:
        """Begin with nothing tried.

        Args:
            stumble: the event of the log under which a row stands that failed, in
                `docs/operations.md` too.
        """
        self.tried = 0
        self.done = 0
        self._stumble = stumble

    @contextmanager
    def row(self, **who: object) -> Iterator[None]:
        """Whatever this row raises is in the log with its traceback, and the sweep goes on.

        A block that opens a transaction has it inside, so that what failed is rolled back.

        Args:
            who: how the log names the row: ids only.
        """
        self.tried += 1
        try:
            yield
        except Exception:  # noqa: BLE001 (whatever it is, the other rows must not wait for it)
            _log.exception(self._stumble, **who)
        else:
            self.done += 1
