"""Who waits, who may go, and who is rung when a slot frees."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.fleet import selectors as fleet
from billing.gpu import registry
from billing.gpu.errors import UnknownBackend
from billing.gpu.protocol import State, Unmakeable
from billing.jobs import selectors
from billing.jobs.fairness import Lane
from billing.jobs.lifecycle import IN_FLIGHT, JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.services import limits, routing, turning
from billing.jobs.services.limits import Room
from billing.outbox import selectors as outbox_selectors
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.packs import selectors as packs
from billing.subscriptions import selectors as subscriptions
from billing.transactions import require_transaction
from plans import asking
from plans import selectors as plans
from plans.asking import Question
from plans.catalog.matching import fits
from plans.catalog.offers import Plan
from plans.catalog.values import Scalar

_WAITING_COUNTED: Final = 1000
_CHUNK: Final = 20  # of the queue that is read at a time
_RUNG_FOR_MAX: Final = 20  # how many are looked at for one that nobody is called for
# Asked for each attempt that is made: only of doubtful ones is the job looked at.
_IN_FLIGHT: Final = """
    SELECT count(*) FROM billing_attempt AS attempt
    WHERE attempt.backend = %(backend)s AND attempt.state <> 'ended'
      AND NOT (attempt.state = 'ambiguous' AND EXISTS (
        SELECT FROM billing_job AS job
        WHERE job.id = attempt.job_id AND job.deadline_at <= statement_timestamp()))
"""
# What the queue must know of a job; the rest of it may be long.
_COLUMNS: Final = (
    *("account", "wallet_id", "model", "dimensions", "context", "waits", "plan"),
    *("catalog_version_id", "lane", "turn"),
)


def in_flight(backend: str) -> int:
    """Return how many attempts the backend has now, those in doubt among them.

    A doubtful one whose deadline is over waits for a person, and takes nobody's slot meanwhile.
    """
    [[(count,)]] = asking.ask(question_of(backend))
    return int(count)


def question_of(backend: str) -> Question:
    """Return what `in_flight` asks, for who asks ahead."""
    return _IN_FLIGHT, {"backend": backend}


def waiting_for(backend: str) -> int:
    """Return how many queued jobs the backend could make, a thousand at most.

    Raises:
        UnknownBackend: it is not configured.
    """
    waiting, models = Job.objects.filter(status=JobStatus.QUEUED), registry.models_of(backend)
    if models is not None:
        waiting = waiting.filter(model__in=models)
    return waiting[:_WAITING_COUNTED].count()


def free_slots(backend: str) -> int:
    """Return how many more attempts the backend may have now; 0 or less: none."""
    return fleet.slots_of(fleet.state_of(backend)) - in_flight(backend)


def account_has_room(job: Job, *, now: datetime) -> bool:
    """Hold back what exceeds a plan whose excess waits instead of being refused.

    By the plan that the account has now: whoever has taken a larger one need not wait on. The
    advisory lock makes two claims of one account at once count one after the other.
    """
    if not job.waits:
        return True
    require_transaction("jobs.account_has_room")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"turn:{job.wallet_id}"])
    return has_turn(job, now=now)


def has_turn(job: Job, *, now: datetime) -> bool:
    """Say whether the account's plan lets the job go beside those that it has at work."""
    if not job.waits:
        return True
    terms, busy = _terms(job, now=now), _busy([job.wallet_id])[job.wallet_id]
    return terms is None or limits.room_beside(*terms, busy).has(_facts(job))


def at_once(job: Job, *, now: datetime) -> int | None:
    """Return how many jobs its account may have worked on, where more of them wait.

    None: nothing holds it back, or a limit of its kind does, which says no number for all.
    """
    terms = _terms(job, now=now) if job.waits else None
    if terms is None or any(fits(slot.match, _facts(job)) for slot in terms[0].entitlements.slots):
        return None
    return terms[1]


def lane_opens_at(job: Job, *, now: datetime) -> datetime:
    """Return when the job's lane may hand it over, from `now` on."""
    lane = plans.version(job.catalog_version_id).catalog.lane(job.lane)
    if lane is None or lane.hours is None:
        return now
    return lane.hours.next_at(now)


@dataclass(frozen=True, slots=True)
class Turn:
    """A job whose turn it is at a backend.

    Attributes:
        lane: its lane as it stands with this start.
        is_early: whether it goes before its turn, for it is nearly out of time.
    """

    backend: str
    job: Job
    lane: Lane
    is_early: bool


def turn_at(backend: str, job: Job, *, now: datetime) -> Turn | None:
    """Return the job's turn at a backend with free slots; None: they go to others first.

    Whoever is rung for must not overtake: an account that orders often would be rung for often.

    Args:
        job: `fleet.admit` has let it through, in this transaction.
    """
    require_transaction("jobs.turn_at")
    free, queued = free_slots(backend), _for(backend, now=now, admitted=job.model)
    if queued[: free + 1].count() <= free:  # there is room for all
        lanes = turning.lanes_of(backend, {job.lane: job.lane_priority}, now=now)
        return Turn(backend, job, lanes.start(job.lane), is_early=False)
    turns = islice(_turns(queued, backend, now=now), free)
    return next((turn for turn in turns if turn.job.pk == job.pk), None)


def take(turn: Turn) -> None:
    """The job is handed over: its lane comes on, and so does the clock of later orders."""
    moved = None if turn.is_early else turn.job.turn
    turning.note_start(turn.lane, backend=turn.backend, turn=moved)


def waiting(backend: str, *, now: datetime, ordered_by: datetime | None = None) -> Iterator[Job]:
    """Yield jobs that wait and may go to `backend` now, in fair turn (`fairness.py`).

    Jobs that it may not serve are left out, and so is what exceeds the number that an account may
    run, in all or of a kind, with those yielded before counted in: none of it stands in front of
    those who could go, however much of it there is. Only an account that has jobs worked on can
    be at a limit, so there are no more limits to step over than backends have slots.

    Args:
        ordered_by: only jobs that were ordered by then; None means all.
    """
    queued = _for(backend, now=now)
    if ordered_by is not None:
        queued = queued.filter(created_at__lte=ordered_by)
    for turn in _turns(queued, backend, now=now):
        yield turn.job


def _for(backend: str, *, now: datetime, admitted: str = "") -> QuerySet[Job]:
    """Return what waits and may be handed to the backend, as far as it is concerned.

    Args:
        admitted: the model of which an order was let through just now. Behind an open breaker
            that shuts its model for all others, and would take the order's own turn from it.
    """
    queued = Job.objects.select_related("account").filter(
        status=JobStatus.QUEUED, dispatch_at__lte=now
    )
    models = registry.models_of(backend)
    if models is not None:
        queued = queued.filter(model__in=models)
    shut = [model for model in fleet.shut_models(backend, now=now) if model != admitted]
    if shut:
        queued = queued.exclude(model__in=shut)
    paused = routing.paused_at(backend, now=now)
    if paused:
        queued = queued.exclude(pk__in=paused)
    if not registry.serves_sandboxes(backend):
        queued = queued.filter(account__is_sandbox=False)
    return _without_strangers(_without_unmakeable(queued, backend), backend).only(*_COLUMNS)


def _without_unmakeable(queued: QuerySet[Job], backend: str) -> QuerySet[Job]:
    """Leave out what could not be told to this backend, and waits for another (`routing.serving`).

    It would stand first here for as long as the others are full, and no claim would hand it over.
    """
    told = Attempt.objects.filter(job=OuterRef("pk"), backend=backend)
    return queued.exclude(Exists(told.filter(outcome=Unmakeable.__name__)))


def _without_strangers(queued: QuerySet[Job], backend: str) -> QuerySet[Job]:
    """Leave out what continues films that only others can continue (`routing.serving`)."""
    if not registry.backend_for(backend).caps.extends_own_only:
        return queued
    made = Attempt.objects.filter(job=OuterRef("parent"), outcome=State.SUCCEEDED)
    for name, entry in registry.configured().items():
        if name != backend:
            strange = Q(Exists(made.filter(backend=name)), ~Exists(made.filter(backend=backend)))
            if entry.codes is not None:
                strange &= Q(model__in=entry.codes)
            queued = queued.exclude(strange)
    return queued


def _turns(queued: QuerySet[Job], backend: str, *, now: datetime) -> Iterator[Turn]:
    """Yield whose turn it is, one start after the other; a lane is read when it is its turn."""
    priorities = turning.priorities_of_waiting()
    lanes = turning.lanes_of(backend, priorities, now=now)
    limits_ = _Limits(now)
    lines = {lane: _Line(queued.filter(lane=lane), limits_) for lane in priorities}
    while lines:
        lane = lanes.next_of(lines)
        line, job, is_early = lines[lane.code], None, False
        if lane.is_for_urgent:
            job = line.urgent(lane.near_until(now))
            is_early = job is not None
        job = job or line.next()
        if job is None:
            del lines[lane.code]
        else:
            yield Turn(backend, job, lanes.start(lane.code), is_early=is_early)


class _Line:
    """The jobs of one lane in their turn, read a few at a time; none is taken twice."""

    def __init__(self, queued: QuerySet[Job], limits_: "_Limits") -> None:
        self._queued = queued
        self._limits = limits_
        self._read: deque[Job] = deque()
        self._last: Job | None = None
        self._taken: set[str] = set()

    def next(self) -> Job | None:
        """Return the job of the lowest turn that no limit holds back; None: there is none."""
        while self._read or self._read_on():
            job = self._read.popleft()
            if self._takes(job):
                return job
        return None

    def urgent(self, until: datetime) -> Job | None:
        """Return the job that is out of time first, of those that are by then; None: none is."""
        near = self._limits.without_excess(self._queued.filter(dispatch_by__lte=until))
        chunk = list(near.order_by("dispatch_by", "pk")[:_CHUNK])
        self._limits.read(chunk)
        return next((job for job in chunk if self._takes(job)), None)

    def _takes(self, job: Job) -> bool:
        if job.pk in self._taken or not self._limits.takes(job):
            return False
        self._taken.add(job.pk)
        return True

    def _read_on(self) -> bool:
        """Read what stands behind; say whether there was anything."""
        behind = self._queued.order_by("turn", "pk")
        if self._last is not None:
            past = Q(turn__gt=self._last.turn) | Q(turn=self._last.turn, pk__gt=self._last.pk)
            behind = self._limits.without_excess(behind.filter(past, turn__gte=self._last.turn))
        self._read.extend(behind[:_CHUNK])
        if self._read:
            self._last = self._read[-1]
        self._limits.read(self._read)
        return bool(self._read)


class _Limits:
    """Whom a limit holds back, in one pass over the queue; each account is looked up once."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._busy: dict[str, list[dict[str, Scalar]]] = {}
        self._terms: dict[str, tuple[Plan, int] | None] = {}
        self._rooms: dict[str, Room] = {}

    def read(self, chunk: Iterable[Job]) -> None:
        """Learn what the accounts of these jobs have worked on."""
        unknown = {job.wallet_id for job in chunk if job.waits} - self._busy.keys()
        self._busy |= _busy(unknown)

    def takes(self, job: Job) -> bool:
        """Say whether the job may go, and count it in if it does."""
        if not job.waits:
            return True
        busy, facts = self._busy[job.wallet_id], _facts(job)
        # The first of an account always has room: no limit is below one.
        if busy and not self._room(job, busy).has(facts):
            return False
        busy.append(facts)
        self._rooms.pop(job.wallet_id, None)
        return True

    def without_excess(self, queued: QuerySet[Job]) -> QuerySet[Job]:
        """Return those of `queued` that no limit holds back of which this pass knows."""
        full = [wallet for wallet, room in self._rooms.items() if room.is_full]
        queued = queued.exclude(waits=True, wallet_id__in=full)
        for wallet, room in self._rooms.items():
            for kind in room.full_kinds:
                alike = Job.objects.filter(status=JobStatus.QUEUED, waits=True, wallet_id=wallet)
                queued = queued.exclude(pk__in=selectors.alike(alike, kind).values("pk"))
        return queued

    def _room(self, job: Job, busy: Sequence[Mapping[str, Scalar]]) -> Room:
        wallet = job.wallet_id
        if wallet not in self._terms:
            self._terms[wallet] = _terms(job, now=self._now)
        if wallet not in self._rooms:
            terms = self._terms[wallet]
            self._rooms[wallet] = limits.room_beside(*terms, busy) if terms else Room()
        return self._rooms[wallet]


def ring_next(backend: str, *, now: datetime) -> None:
    """A slot is free: have the first job whose turn it is, and nobody called for, handed over.

    Where several slots free at once, each calls a worker for another job. No farther down than
    there are slots: whoever stands there has no turn yet, and would only ring for those before.
    """
    require_transaction("jobs.ring_next")
    try:
        turns = min(_RUNG_FOR_MAX, max(1, free_slots(backend)))
        in_turn = [job.pk for job in islice(waiting(backend, now=now), turns)]
    except UnknownBackend:
        return
    called = outbox_selectors.on_their_way(TaskName.DISPATCH_JOB, "job_id", in_turn)
    chosen = next((job_id for job_id in in_turn if job_id not in called), None)
    if chosen is not None:
        outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=chosen)


def _terms(job: Job, *, now: datetime) -> tuple[Plan, int] | None:
    """Return by which plan its account's jobs wait, and how many it may have at once."""
    plan = subscriptions.plan_of(job.account, catalog=plans.current().catalog)
    # An account that has lost its plan since has what it ordered made all the same.
    terms = plan or plans.version(job.catalog_version_id).catalog.plan(job.plan)
    return None if terms is None else (terms, packs.concurrency_of(job.account, terms, at=now))


def _busy(wallets: Collection[str]) -> dict[str, list[dict[str, Scalar]]]:
    """Return by wallet the facts of each of its jobs that is worked on."""
    found: dict[str, list[dict[str, Scalar]]] = {wallet: [] for wallet in wallets}
    if not wallets:
        return found
    jobs = Job.objects.filter(wallet_id__in=wallets, status__in=IN_FLIGHT)
    for wallet, dimensions, context in jobs.values_list("wallet_id", "dimensions", "context"):
        found[wallet].append(dimensions | context)
    return found


def _facts(job: Job) -> dict[str, Scalar]:
    return {**job.dimensions, **job.context}
