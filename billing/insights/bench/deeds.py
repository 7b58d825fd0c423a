"""Weighs what a deed takes of processors: ours, and that of the database's process beside it.

Processor time grows far less than the time on a clock when others use the machine: only by what
they push out of its caches. So it can be added up for a service that is larger than the machine.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import connection, transaction

from billing.ids import new_id
from billing.insights.bench.asked import Asked
from billing.insights.bench.course import Course
from billing.insights.bench.errands import backend
from billing.insights.bench.figures import Report
from billing.insights.bench.reading import Reader
from billing.insights.bench.scene import ACTOR, CAUSE, Scene, catalog_now, rich_account
from billing.ledger import selectors
from billing.ledger import services as ledger
from billing.ledger.models import Wallet
from billing.ledger.services import GrantTerms
from plans.credits import MICROS

_MS: Final = 1000
_NANOSECONDS: Final = 1e-6  # of a millisecond


@dataclass(frozen=True, slots=True)
class Toll:
    """What one call takes, in the mean, in milliseconds of a processor.

    Attributes:
        database_ms: None: the database is on another machine, or tells nothing.
    """

    name: str
    own_ms: float
    database_ms: float | None


def report(asked: Asked) -> Report:
    """Make each call `asked.calls` times, where the bench's own backend takes orders."""
    with (
        tempfile.TemporaryDirectory(prefix="linggan-bench-") as folder,
        backend(Path(folder) / "backend"),
    ):
        return Report(rows=take(calls=asked.calls, now=asked.now))


def take(*, calls: int, now: datetime) -> list[Toll]:
    """Make each call so often, and return what they took."""
    scene = Scene.fresh(now)
    reader = Reader.of(scene.account, now=now)
    wallet = Wallet.objects.get(account=scene.account)

    def move() -> None:
        # Each gift stays, and who has hundreds of them is a rare customer.
        scene.account = rich_account(now)

    def give() -> None:
        with transaction.atomic(durable=True):
            ledger.grant(
                ledger.lock_wallet(scene.account, catalog=catalog_now()),
                GrantTerms(amount_micros=MICROS, source="bench", fact=new_id("bench")),
                cause=CAUSE,
                actor=ACTOR,
            )

    deeds: Sequence[tuple[str, Callable[[], object], Callable[[], None]]] = (
        ("read a balance", lambda: selectors.balance(wallet, as_of=None), scene.tidy),
        ("hold", scene.hold, scene.tidy),
        ("hold and capture", scene.life, scene.tidy),
        ("submit", scene.submit, scene.tidy),
        ("an order from submit to capture", Course(scene).live, scene.tidy),
        ("GET /v1/balance", reader.balance, scene.tidy),
        ("grant", give, move),
    )
    return [_weighed(name, call, after, calls=calls) for name, call, after in deeds]


def _weighed(
    name: str, call: Callable[[], object], after: Callable[[], None], *, calls: int
) -> Toll:
    call()  # the first one reads what the others know
    after()
    own = 0.0
    database: float | None = 0.0
    for _call in range(calls):
        began, began_there = time.process_time(), _database_ms()
        call()
        own += time.process_time() - began
        there = _database_ms()
        if database is None or there is None or began_there is None:
            database = None
        else:
            database += there - began_there
        after()
    return Toll(name, own * _MS / calls, None if database is None else database / calls)


def _database_ms() -> float | None:
    """Return how long the database's process of this connection has worked; None: unknown."""
    with suppress(OSError, ValueError, IndexError):
        file = Path(f"/proc/{_backend()}/schedstat")
        return int(file.read_text(encoding="ascii").split()[0]) * _NANOSECONDS
    return None


def _backend() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)
