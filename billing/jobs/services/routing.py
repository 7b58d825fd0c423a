"""Which backends a job may be handed to, and when: one that just did not take it comes later.

Only certainly unsent orders come here: what a backend may have is never handed to another.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from billing.fleet import services as fleet
from billing.gpu import registry
from billing.gpu.errors import NoBackend
from billing.gpu.protocol import AtCapacity, AuthError, NotSent, State, Unmakeable
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Attempt, Job
from plans.asking import Given, Prepared, Question

PAUSE_MIN: Final = timedelta(seconds=5)
PAUSE_MAX: Final = timedelta(minutes=5)
# Outcomes of attempts of which nothing was taken, each with the pause after the first of them.
IN_VAIN: Final[Mapping[str, timedelta]] = {
    NotSent.__name__: PAUSE_MIN,
    AtCapacity.__name__: PAUSE_MIN,
    AuthError.__name__: timedelta(minutes=1),
}
_LATELY: Final = timedelta(hours=1)


def serving(job: Job) -> list[str]:
    """Return the backends that may make the job, in the order of the setting; maybe none.

    Not those to whom the order itself could not be told. One that continues another job goes
    first where that was made, and there alone as long as the others continue only what they made
    themselves.
    """
    try:
        names = registry.serving(job.model, is_sandbox=job.account.is_sandbox)
    except NoBackend:
        return []
    unable = {backend for (backend,) in _unable(job=job.pk)}
    names = [name for name in names if name not in unable]
    if job.parent_id is None:
        return names
    made = Attempt.objects.filter(job_id=job.parent_id, outcome=State.SUCCEEDED)
    homes = set(made.values_list("backend", flat=True))
    able = [
        name for name in names if name in homes or homes.isdisjoint(_homes_beside(name, job.model))
    ]
    return sorted(able, key=lambda name: name not in homes)


_unable = Prepared(
    lambda: Attempt.objects.filter(job=Given("job"), outcome=Unmakeable.__name__).values_list(
        "backend"
    )
)


def questions_of(job: Job, *, now: datetime) -> tuple[Question, ...]:
    """Return what `serving` and `again_at` ask of the job, for who asks ahead."""
    return _unable.question(job=job.pk), _in_vain.question(job=job.pk, since=now - _LATELY)


def _homes_beside(backend: str, model: str) -> list[str]:
    """Return where films of `model` may have been made that `backend` cannot continue.

    A home that is gone from the setting, or makes the model no more, is none: then the backend is
    asked all the same, for it refuses with a reason, and nobody waits in vain.

    Raises:
        UnknownBackend: `backend` is not configured.
    """
    if not registry.backend_for(backend).caps.extends_own_only:
        return []
    others = registry.configured().items()
    return [name for name, entry in others if name != backend and entry.makes(model)]


def made_of_parent(job: Job, backend: str) -> dict[str, str]:
    """Return what `backend` asked to be remembered of the job's parent, if it made that."""
    if job.parent_id is None:
        return {}
    made = Attempt.objects.filter(
        job_id=job.parent_id, backend=backend, outcome=State.SUCCEEDED
    ).order_by("-number")
    context: dict[str, str] | None = made.values_list("context", flat=True).first()
    return context or {}


def in_turn(job: Job, *, now: datetime) -> list[str]:
    """Return the backends that the job may be handed to now, the untried before the others."""
    again = again_at(job, now=now)
    may = [name for name in serving(job) if again.get(name, now) <= now]
    return sorted(may, key=lambda name: name in again)


def next_try_at(job: Job, *, in_flight: Callable[[str], int], now: datetime) -> datetime:
    """Return when the job may be handed to some backend; now, if an open one is left to try.

    One that gets no attempt now, for whatever reason, is looked at again after a short while.

    Args:
        in_flight: counts the live attempts of a backend.
    """
    again, instants = again_at(job, now=now), list[datetime]()
    for name in serving(job):
        obstacle = fleet.obstacle_of(name, model=job.model, in_flight=in_flight, now=now)
        earliest = now if obstacle is None else now + PAUSE_MIN
        instants.append(max(earliest, again.get(name, now)))
    return min(instants, default=now + PAUSE_MIN)


def again_at(job: Job, *, now: datetime) -> dict[str, datetime]:
    """Return of each backend that did not take the job of late when it may be asked again.

    The pause doubles with each order in a row that did not get through; how long one that is full
    wants to be left alone is remembered of the backend.
    """
    tries: dict[str, list[tuple[str, datetime]]] = {}
    for name, outcome, ended_at in _in_vain(job=job.pk, since=now - _LATELY):
        tries.setdefault(name, []).append((outcome, ended_at))
    return {name: _after(in_vain) for name, in_vain in tries.items()}


_in_vain = Prepared(
    lambda: (
        Attempt.objects.filter(
            job=Given("job"), outcome__in=sorted(IN_VAIN), ended_at__gt=Given("since")
        )
        .order_by("-number")
        .values_list("backend", "outcome", "ended_at")
    )
)


def paused_at(backend: str, *, now: datetime) -> list[str]:
    """Return the waiting jobs that the backend did not take of late and may not get yet."""
    tries: dict[str, list[tuple[str, datetime]]] = {}
    for job_id, outcome, ended_at in _in_vain_at(backend=backend, since=now - _LATELY):
        tries.setdefault(job_id, []).append((outcome, ended_at))
    return [job_id for job_id, in_vain in tries.items() if _after(in_vain) > now]


_in_vain_at = Prepared(
    lambda: (
        Attempt.objects.filter(
            backend=Given("backend"),
            outcome__in=sorted(IN_VAIN),
            ended_at__gt=Given("since"),
            job__status=JobStatus.QUEUED,
        )
        .order_by("-number")
        .values_list("job_id", "outcome", "ended_at")
    )
)


def _after(ends: list[tuple[str, datetime]]) -> datetime:
    """Return when the pause is over after these ends in vain, the latest first."""
    outcome, ended_at = ends[0]
    if outcome == AtCapacity.__name__:
        return ended_at + PAUSE_MIN
    in_a_row = sum(1 for _end in takewhile(lambda end: end[0] == outcome, ends))
    return ended_at + min(PAUSE_MAX, IN_VAIN[outcome] * (1 << min(16, in_a_row - 1)))
