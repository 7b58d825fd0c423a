"""What happens after a crash by itself: callers repeat, workers and sweeps go on, others report.

It is done in the harness's own process, with nothing between it and the servers. Time passes by
shifting what the edges read as the real instant; wallets keep the database's clock.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from django.utils import timezone

from billing.jobs.lifecycle import FINAL
from billing.jobs.models import Attempt, Callback, Job
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.models import PlanChange, Refund, StripeEvent
from billing.sandbox.models import TestClock
from config.celery import app
from tests.faults.crashing.child import Act, Answer, Command, Errand, Request
from tests.faults.crashing.world import World

_SWEEPS: Final = (TaskName.SWEEP_JOBS, TaskName.SWEEP_WEBHOOKS)
_STRIPES_SWEEPS: Final = (TaskName.SWEEP_PAYMENTS, TaskName.SWEEP_REFUNDS, TaskName.SWEEP_CLOCKS)
_STEP: Final = timedelta(seconds=100)  # longer than a lease
_ROUNDS: Final = 40
_TRIES: Final = 100
_PAUSE_SECONDS: Final = 0.02


class Unrecovered(Exception):
    """It did not come to an end; the message says what is left."""


def recover(act: Act, told: Answer, world: World) -> Answer:
    """Have everybody do what he would do; return what the caller was told in the end.

    Raises:
        Unrecovered: something never ended.
    """
    answer, left = _insist(act, told), ""
    for round_ in range(_ROUNDS):
        with _ahead(round_ * _STEP):
            _work()
            _report(world)
            _work()
            for task in (*_SWEEPS, *(_STRIPES_SWEEPS if round_ else ())):
                app.tasks[task.value]()
            _work()
        if not (left := _left()):
            return answer
    raise Unrecovered(left)


def _insist(act: Act, told: Answer) -> Answer:
    """Let the caller repeat what he got no answer to."""
    answer = told
    match act:
        case Request():
            for _try in range(_TRIES):
                if answer.is_final:
                    return answer
                answer = act.do()
                time.sleep(_PAUSE_SECONDS)
            raise Unrecovered(f"The caller was told {answer}.")
        case Command():
            # He looks first how it stands; what is done needs no answer any more.
            return Answer(HTTPStatus.OK) if act.is_done() else act.do()
        case Errand():
            pass  # its message is open, or it was done
    return answer


def _work() -> None:
    """Run every message that is open, and what those post, as workers do."""
    met: set[str] = set()
    waiting = Message.objects.filter(ring_at__isnull=False).order_by("pk")
    while message := waiting.exclude(pk__in=met).first():
        met.add(message.pk)
        if message.task == TaskName.MAKE_THUMBNAIL:  # a small picture, and nothing hangs on it
            waiting.filter(pk=message.pk).update(ring_at=None, done_at=timezone.now())
            continue
        Errand(message.pk).do()


def _report(world: World) -> None:
    """Let the studio and Stripe report what they have to, as often as they must."""
    for event in world.news():
        word = world.tells(event)
        for _try in range(_TRIES):
            if word.do().status == HTTPStatus.OK:
                break
    for name, word in world.reports():
        for _try in range(_TRIES):
            if word.do().status == HTTPStatus.OK:
                world.studio.end(name)
                break


def _left() -> str:
    """Say what has not come to its end; "": all has."""
    left = {
        "messages": Message.objects.filter(ring_at__isnull=False),
        "jobs": Job.objects.exclude(status__in=FINAL),
        "attempts": Attempt.objects.exclude(state=Attempt.State.ENDED),
        "callbacks": Callback.objects.filter(applied_at=None),
        "events": StripeEvent.objects.filter(applied_at=None),
        "refunds": Refund.objects.filter(state="approved"),
        "changes": PlanChange.objects.filter(state__in=("asked", "billed", "paid")),
        "clocks": TestClock.objects.filter(goal_at__isnull=False),
    }
    return ", ".join(f"{name} {list(rows[:3])}" for name, rows in left.items() if rows.exists())


@contextmanager
def _ahead(by: timedelta) -> Iterator[None]:
    """Let what edges read as the real instant be so far ahead."""
    straight = timezone.now

    def shifted() -> datetime:
        return straight() + by

    timezone.now = shifted  # the edges look it up each time
    try:
        yield
    finally:
        timezone.now = straight
