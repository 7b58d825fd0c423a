"""Looks after rows that are due, each by itself: those that fail keep no other waiting."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import structlog
from django.db.models import Model, QuerySet

# Among so many that stand first chance chooses: by lot among millions would sort them all.
_DRAWN_FROM: Final = 10_000
_Row = TypeVar("_Row", bound=Model)
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


def fairly(due: QuerySet[_Row], *, limit: int) -> list[_Row]:
    """Return up to `limit` rows of what is due: of more, half those that stand first, half by lot.

    A row that fails stays due, and may stand first for ever. However many of these there are, up
    to ten thousand, whoever stands behind them has his turn in the end; and while none fails,
    whoever has waited longest is among the first.

    Args:
        due: in the order in which they have waited.
        limit: two at least.
    """
    rows = list(due[: limit + 1])
    if len(rows) <= limit:
        return rows
    first = rows[: limit // 2]
    others = due.exclude(pk__in=[row.pk for row in first])
    drawn = others.filter(pk__in=others.values("pk")[:_DRAWN_FROM]).order_by("?")
    return [*first, *drawn[: limit - len(first)]]
