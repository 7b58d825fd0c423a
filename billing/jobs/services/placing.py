"""Where a job stands in the queue, and about when its turn comes. Nothing is written."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q, QuerySet

from billing.fleet import selectors as fleet
from billing.gpu import registry
from billing.gpu.errors import NoBackend
from billing.jobs import fairness, selectors
from billing.jobs.lifecycle import IN_FLIGHT, JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.services import queueing, routing, turning
from plans import asking
from plans import selectors as plans
from plans.asking import Given, Prepared

_LATELY: Final = timedelta(minutes=30)
# What waits for the same slots, as long as the job itself may be handed over.
_GROUPS: Final = """
    SELECT lane, model, count(*),
           count(*) FILTER (WHERE turn < %(turn)s OR (turn = %(turn)s AND id < %(job)s))
    FROM billing_job AS waiting
    WHERE status = 'queued' AND dispatch_at <= %(until)s AND id <> %(job)s
      AND (%(models)s::text[] IS NULL OR model = ANY(%(models)s::text[]))
      AND (%(sandboxes)s OR NOT EXISTS (
          SELECT FROM billing_account WHERE id = waiting.account_id AND is_sandbox))
    GROUP BY lane, model ORDER BY lane, model
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job stands.

    Attributes:
        position: which start of the backends that make its model is its; 1 is next. None: there
            is no such backend now.
        eta: about when a backend gets it; None: nobody can say, as while nothing is sent to any.
    """

    position: int | None
    eta: datetime | None


@dataclass(frozen=True, slots=True)
class _Group:
    """Waiting jobs of one lane and model: all, and those whose turn is before the one looked at."""

    lane: str
    model: str
    all: int
    before: int

    def ahead_of(self, lane: str) -> int:
        """How many of them may go before the job looked at, which is of that lane."""
        return self.before if self.lane == lane else self.all


def ask_ahead(job: Job, *, now: datetime) -> None:
    """Ask in one round trip what `place_of` and `queue_reason` ask, for `asking.same_answers`."""
    try:
        backends = registry.serving(job.model, is_sandbox=job.account.is_sandbox)
    except NoBackend:
        return
    asking.ask(
        *turning.questions_of(backends[0]),
        *(question for name in backends for question in fleet.questions_of(name)),
        *(queueing.question_of(name) for name in backends),
        *(_live_at.question(backend=name) for name in backends),
        *routing.questions_of(job, now=now),
        _groups_beside(job, backends, now=now),
        selectors.question_of(job.model),
        plans.question(),
    )


def place_of(job: Job, *, now: datetime) -> Place:
    """Return where a queued job stands among all that wait for the backends of its model.

    Limits of other accounts are not looked at: who is at one is stepped over, and it goes sooner.
    The time counts with others who order meanwhile and whose turn comes first, as of late.
    """
    try:
        backends = registry.serving(job.model, is_sandbox=job.account.is_sandbox)
    except NoBackend:  # it was taken out of the setting; another may come in
        return Place(position=None, eta=None)
    groups = _groups(job, backends, now=now)
    waiting = _by_lane(job, groups)
    priorities = dict.fromkeys(waiting, job.lane_priority) | turning.priorities_of_waiting()
    lanes = turning.lanes_of(backends[0], priorities, now=now)
    before = lanes.starts_before(job.lane, waiting)
    wait = _wait(job, backends, groups, before, now=now)
    return Place(position=before + 1, eta=None if wait is None else _told(job, wait, now=now))


def _groups(job: Job, backends: Sequence[str], *, now: datetime) -> list[_Group]:
    [rows] = asking.ask(_groups_beside(job, backends, now=now))
    return list(itertools.starmap(_Group, rows))


def _groups_beside(job: Job, backends: Sequence[str], *, now: datetime) -> asking.Question:
    return _GROUPS, {
        "job": job.pk,
        "turn": job.turn,
        "until": max(now, job.dispatch_at),
        "models": turning.rivals_of(job.model, is_sandbox=job.account.is_sandbox),
        "sandboxes": any(registry.serves_sandboxes(backend) for backend in backends),
    }


def _before(job: Job) -> Q:
    return Q(turn__lt=job.turn) | Q(turn=job.turn, pk__lt=job.pk)


def _by_lane(job: Job, groups: Iterable[_Group]) -> dict[str, int]:
    """Return how many jobs of each lane may go first: of its own only those before it."""
    waiting = {job.lane: 0}
    for group in groups:
        waiting[group.lane] = waiting.get(group.lane, 0) + group.ahead_of(job.lane)
    return waiting


def _wait(
    job: Job, backends: Sequence[str], groups: Sequence[_Group], before: int, *, now: datetime
) -> timedelta | None:
    """Return how long it is until the backends, and the account's own limit, let it go."""
    slots = _open_slots(job.model, backends, now=now)
    if not slots:  # when the backends are well again nobody can say
        return None
    live = {key: job for name in backends for key, *job in _live_at(backend=name)}
    at_work = [(model, since) for model, since in live.values()]
    needed = {one.model for one in groups if one.ahead_of(job.lane)}
    needed |= {model for model, _since in at_work}
    typical = selectors.typical_durations(needed)
    if needed - typical.keys():
        return None
    count, one = _work(job, groups, typical, before=before)
    wait = fairness.waits_for(count, one, _ends(at_work, typical, now=now), slots=slots)
    wait = _with_newcomers(wait, job, backends, slots=slots, now=now)
    if not job.waits:
        return wait
    own = _own_wait(job, now=now)
    return None if own is None else max(wait, own)


def _with_newcomers(
    wait: timedelta, job: Job, backends: Sequence[str], *, slots: int, now: datetime
) -> timedelta:
    """Return the wait with those who will order meanwhile and go first, by the latest orders."""
    if not wait:
        return wait
    models = turning.rivals_of(job.model, is_sandbox=job.account.is_sandbox)
    latest = [
        order
        for order in selectors.latest_orders(since=now - _LATELY)
        if (models is None or order.model in models) and order.wallet_id != job.wallet_id
    ]
    typical = selectors.typical_durations({order.model for order in latest})
    reach = job.turn - turning.clock_of(job.lane, backends)
    work = [
        typical[order.model] * _part_here(job, order.model) * _chance(order, job, reach=reach)
        for order in latest
        if order.model in typical
    ]
    if not work:
        return wait
    # At least as long as one of them takes: two orders in a second make no rush.
    within = max(now - latest[-1].created_at, *(typical[model] for model in typical))
    return fairness.with_newcomers(wait, work=sum(work, timedelta(0)), within=within, slots=slots)


def _chance(order: Job, job: Job, *, reach: int) -> float:
    """Return how likely it is that one more order like `order` goes before the job."""
    if order.lane != job.lane:
        return float(order.lane_priority < job.lane_priority)
    return fairness.chance(order.turn_distance or 0, reach=reach)


def _own_wait(job: Job, *, now: datetime) -> timedelta | None:
    """Return how long it is until the account is below its own limit; None: nobody knows."""
    slots = queueing.at_once(job, now=now)
    own = Job.objects.filter(wallet=job.wallet_id)
    ahead = own.filter(_before(job), status=JobStatus.QUEUED, lane=job.lane)
    models = dict(ahead.values_list("model").annotate(count=Count("pk")).order_by())
    at_work = _at_work(own.filter(status__in=IN_FLIGHT))
    needed = {*models, *(model for model, _since in at_work)}
    typical = selectors.typical_durations(needed)
    if slots is None or needed - typical.keys():
        return None
    count = sum(models.values())
    work = sum((typical[model] * each for model, each in models.items()), timedelta(0))
    ends = _ends(at_work, typical, now=now)
    return fairness.waits_for(count, work / max(1, count), ends, slots=slots)


def _work(
    job: Job, groups: Iterable[_Group], typical: Mapping[str, timedelta], *, before: int
) -> tuple[int, timedelta]:
    """Return how many jobs take a slot of these backends first, and how long one of them does.

    Of a model that other backends make as well those are left out that go there.
    """
    here: dict[str, int] = {}
    for group in groups:
        here[group.model] = here.get(group.model, 0) + group.ahead_of(job.lane)
    if not before:
        return 0, timedelta(0)
    parts = {model: count * _part_here(job, model) for model, count in here.items()}
    total = sum(parts.values())
    work = sum((typical[model] * part for model, part in parts.items() if part), timedelta(0))
    return round(before * total / sum(here.values())), work / total


def _part_here(job: Job, model: str) -> float:
    """Return which part of what is ordered of `model` goes to the backends that make the job."""
    own = set(registry.serving(job.model, is_sandbox=job.account.is_sandbox))
    makers = _makers(model)
    return _slots(own & set(makers)) / max(1, _slots(makers))


def _makers(model: str) -> list[str]:
    return registry.serving(model, is_sandbox=False)


def _open_slots(model: str, backends: Iterable[str], *, now: datetime) -> int:
    """Return how many attempts for the model the backends may have at once as they are now."""
    return sum(
        fleet.slots_of(fleet.state_of(name))
        for name in backends
        if model not in fleet.shut_models(name, now=now)
    )


def _slots(backends: Iterable[str]) -> int:
    """Return how many attempts they may have at once, as far as they have let us learn."""
    return sum(fleet.slots_of(fleet.state_of(backend)) for backend in backends)


_live_at = Prepared(
    lambda: Job.objects.filter(
        pk__in=Attempt.objects.exclude(state=Attempt.State.ENDED)
        .filter(backend=Given("backend"))
        .values("job")
    ).values_list("pk", "model", "started_at")
)


def _at_work(jobs: QuerySet[Job]) -> list[tuple[str, datetime | None]]:
    return list(jobs.values_list("model", "started_at"))


def _ends(
    at_work: Iterable[tuple[str, datetime | None]],
    typical: Mapping[str, timedelta],
    *,
    now: datetime,
) -> list[timedelta]:
    """Return in how long what is worked on ends, about."""
    return [fairness.left_of(typical[model], ran=now - (since or now)) for model, since in at_work]


def _told(job: Job, wait: timedelta, *, now: datetime) -> datetime | None:
    """Return the instant as it may be told; None where the job would be given back before."""
    at = queueing.lane_opens_at(job, now=max(now + wait, job.dispatch_at))
    second = now.replace(microsecond=0)
    return None if at > job.dispatch_by else second + fairness.told(at - second)
