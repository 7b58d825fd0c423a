"""F11: messages on the queues that nobody can read, and errands that go wrong each time."""

import time
from datetime import UTC, datetime
from random import Random
from typing import Final

from billing.ids import new_id
from billing.outbox.models import Message
from billing.outbox.pauses import RUNS_MAX
from config.celery import queues
from tests.faults import broker
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field
from tests.outbox.unreadable import ENTRIES

_WITHIN_SECONDS: Final = 2.0  # nobody who asks should notice at all
_BURIED_WITHIN_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Put poison on every queue, and an errand into the outbox; so many times."""
    with field.load(f"F11 {random.random()}") as load:
        outcome = Outcome(load)
        for _round in range(rounds):
            load.live_for(random.uniform(0.3, 1.0))
            starts = [one.starts for one in field.service.workers]
            began = time.monotonic()
            with broker.session(field) as asked:
                for queue in queues():
                    for entry in ENTRIES.values():
                        asked.rpush(queue, entry)
            _bury(field, outcome)
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)
            broker.require_consumption(field, outcome)
            again = sum(one.starts for one in field.service.workers) - sum(starts)
            if again or field.fallen():
                outcome.breaches.append(
                    f"unreadable messages have ended {again} workers, and {field.fallen()}"
                )
    return outcome


def _bury(field: Field, outcome: Outcome) -> None:
    """Post an errand that cannot succeed, before its last run: it must be given up, and told so.

    The runs before have pauses of minutes in between.
    """
    field.forget_connections()
    now = datetime.now(UTC)
    poison = Message.objects.create(
        task="jobs.apply_callback",
        arguments={"callback_id": new_id("cb")},
        queue="settle",
        request_id="",
        created_at=now,
        ring_at=now,
        rings=1,
        runs=RUNS_MAX - 1,
    )
    ends_at = time.monotonic() + _BURIED_WITHIN_SECONDS
    while time.monotonic() < ends_at:
        broker.supervise(field, outcome)
        poison.refresh_from_db()
        if poison.dead_at is not None:
            break
        time.sleep(_LOOK_SECONDS)
    if poison.dead_at is None or not poison.error or poison.runs != RUNS_MAX:
        outcome.breaches.append(f"{poison} was not given up: {poison.runs} runs, {poison.error!r}")
    poison.delete()  # the verdict looks for errands that were given up by mistake


EXPERIMENT: Final = Experiment("F11", "messages that poison a queue", 50, run)
