"""Who waits, who may go, and who is rung when a slot frees."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from billing.gpu import registry
from billing.gpu.errors import UnknownBackend
from billing.jobs import selectors
from billing.jobs.lifecycle import IN_FLIGHT, JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.services import limits
from billing.jobs.services.limits import Room
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.packs import selectors as packs
from billing.subscriptions import selectors as subscriptions
from billing.transactions import require_transaction
from plans import selectors as plans
from plans.catalog.offers import Plan
from plans.catalog.values import Scalar

_CHUNK: Final = 20  # of the queue that is read at a time
# What the queue must know of a job; the rest of it may be long.
_COLUMNS: Final = (
    *("account", "wallet_id", "model", "dimensions", "context", "waits", "plan"),
    *("catalog_version_id", "lane_priority", "created_at"),
)


def has_room(backend: str) -> bool:
    """Say whether the backend has a free slot, for one asker at a time.

    The advisory lock makes two claims at once count one after the other; it ends with the
    transaction, so the second sees what the first committed.
    """
    require_transaction("jobs.has_room")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"slots:{backend}"])
    return free_slots(backend) > 0


def free_slots(backend: str) -> int:
    """Return how many more attempts the backend could have now."""
    live = Attempt.objects.filter(backend=backend).exclude(state=Attempt.State.ENDED)
    return registry.concurrency(backend) - live.count()


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
    terms, busy = _terms(job, now=now), _busy([job.wallet_id])[job.wallet_id]
    return terms is None or limits.room_beside(*terms, busy).has(_facts(job))


def lane_opens_at(job: Job, *, now: datetime) -> datetime:
    """Return when the job's lane may hand it over, from `now` on."""
    lane = plans.version(job.catalog_version_id).catalog.lane(str(job.dimensions.get("lane", "")))
    if lane is None or lane.hours is None:
        return now
    return lane.hours.next_at(now)


def waiting(backend: str, *, now: datetime, ordered_by: datetime | None = None) -> Iterator[Job]:
    """Yield jobs that wait and may go to `backend` now, by lane, then the longest waiting first.

    Jobs that it may not serve are left out, and so is what exceeds the number that an account may
    run, in all or of a kind, with those yielded before counted in: none of it stands in front of
    those who could go, however much of it there is. Only an account that has jobs worked on can
    be at a limit, so there are no more limits to step over than backends have slots.

    Args:
        ordered_by: only jobs that were ordered by then; None means all.
    """
    queued = Job.objects.select_related("account").filter(
        status=JobStatus.QUEUED, dispatch_at__lte=now
    )
    models = registry.models_of(backend)
    if models is not None:
        queued = queued.filter(model__in=models)
    if not registry.serves_sandboxes(backend):
        queued = queued.filter(account__is_sandbox=False)
    if ordered_by is not None:
        queued = queued.filter(created_at__lte=ordered_by)
    turns = _Turns(now)
    queued = queued.only(*_COLUMNS).order_by("lane_priority", "created_at", "pk")
    chunk = list(queued[:_CHUNK])
    while chunk:
        turns.read(chunk)
        for job in chunk:
            if turns.takes(job):
                yield job
        behind = queued.filter(_behind(chunk[-1]))
        chunk = list(turns.without_excess(behind)[:_CHUNK])


class _Turns:
    """Whose turn it is, in one pass over the queue; each account is looked up once."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._busy: dict[str, list[dict[str, Scalar]]] = {}
        self._terms: dict[str, tuple[Plan, int] | None] = {}
        self._rooms: dict[str, Room] = {}

    def read(self, chunk: Sequence[Job]) -> None:
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
    """A slot is free: have the job that waits longest for this backend handed over."""
    require_transaction("jobs.ring_next")
    try:
        chosen = next(waiting(backend, now=now), None)
    except UnknownBackend:
        return
    if chosen is not None:
        outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=chosen.pk)


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


def _behind(last: Job) -> Q:
    """Return what stands behind `last` in the queue."""
    beside = Q(lane_priority=last.lane_priority)
    return (
        Q(lane_priority__gt=last.lane_priority)
        | beside & Q(created_at__gt=last.created_at)
        | beside & Q(created_at=last.created_at, pk__gt=last.pk)
    )
