"""What happens to a job, step by step, through the services that its backend's words reach."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction

from billing.gpu.protocol import State, Status
from billing.jobs.models import Attempt, Job
from billing.jobs.services import ending, hearing
from tests.events.listening import Heard
from tests.jobs import shop


def take(job: Job) -> None:
    """A backend has it."""
    with transaction.atomic():
        shop._send(job)


def work(job: Job, progress: float) -> None:
    """The backend says how far it is."""
    attempt = Attempt.objects.get(job=job)
    status = Status(state=State.RUNNING, progress=progress)
    hearing.apply_status(attempt.pk, status, now=datetime.now(UTC))


def succeed(job: Job) -> None:
    """The backend brings the video."""
    with transaction.atomic():
        locked, attempt = ending.lock_attempt(Attempt.objects.get(job=job).pk)
        now = datetime.now(UTC)
        ending.end_attempt(attempt, outcome="succeeded", now=now)
        ending.succeed(locked, [shop._stored(locked, 0)], actor=shop.BACKEND, now=now)


# A whole life, each step with what is heard of it.
LIFE: Final[list[tuple[Callable[[Job], None], str, dict[str, Any]]]] = [
    (take, "status", {"status": "dispatched"}),
    (lambda job: work(job, 0.1), "status", {"status": "running"}),
    (lambda job: work(job, 0.4), "progress", {"progress": 0.4}),
    (lambda job: work(job, 0.9), "progress", {"progress": 0.9}),
    (succeed, "settlement", {}),
]


def truth(heard: list[Heard]) -> Mapping[str, dict[str, Any]]:
    """Return what somebody who heard this takes for true: the newest of each name."""
    return {event.name: event.data for event in heard}
