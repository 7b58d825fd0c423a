"""What there is to know of jobs. Nothing is written."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    CharField,
    Count,
    DateTimeField,
    DecimalField,
    DurationField,
    F,
    Func,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, TruncDate
from django.db.models.lookups import Exact, Regex

from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.http import problems
from billing.ids import made_at
from billing.jobs.lifecycle import LIVE, JobStatus
from billing.jobs.models import Attempt, Job
from plans.asking import Given, Prepared, Question
from plans.catalog.policies import CONTEXT
from plans.catalog.values import DECIMAL, Between, Scalar

# What failed and cost nothing never happened, for those who count.
_COUNTS: Final = Q(status__in=LIVE) | Q(status=JobStatus.SUCCEEDED) | Q(charged_micros__gt=0)
_LATEST: Final = 200  # orders, by which the next ones are guessed
_RECENT: Final = 50
# What an order takes from its wallet: all that is held, and then what was charged.
_COST: Final = Case(When(finished_at=None, then="hold__amount_micros"), default="charged_micros")
# What came counts where it has come, what was ordered where it is still made.
_UNITS: Final[Mapping[str, Value | Coalesce]] = {
    "orders": Value(1),
    "outputs": Coalesce("outputs_made", "outputs_ordered"),
    "credits": Coalesce("charged_micros", "quoted_micros"),
}


def jobs(
    account: Account, member: Membership | None = None, *, sees_all: bool = False
) -> QuerySet[Job]:
    """Return the account's jobs with what a reply shows, the newest first.

    Args:
        member: who acts for an organization; his own are those that he has ordered for it,
            whichever wallet has paid.
        sees_all: whether he sees those of the other members, too, which its pool has paid.
    """
    return (
        Job.objects.filter(_seen(account, member, sees_all=sees_all))
        .select_related("hold", "member__account")
        .prefetch_related("outputs")
        .order_by("-id")
    )


def has_films(job: Job, *, at: datetime) -> bool:
    """Say whether each film of the job is kept at the instant `at`.

    One whose time is over counts as gone, though it may not have been deleted yet: from then on
    nobody keeps the sweep from doing so.
    """
    gone = Q(deleted_at__isnull=False) | Q(expires_at__lte=at)
    return not job.outputs.filter(gone).exists()


def awaiting_a_person(*, now: datetime) -> QuerySet[Job]:
    """Return the jobs that only a person can end: no verdict, and past the deadline for one."""
    return Job.objects.filter(status=JobStatus.UNKNOWN, deadline_at__lte=now)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one lane: how many jobs, and since when the oldest was ordered."""

    lane: str
    jobs: int
    since: datetime


def waiting_by_lane() -> list[Waiting]:
    """Return what waits for a backend, by lane; read from the index of queued jobs alone."""
    rows = (
        Job.objects.filter(status=JobStatus.QUEUED)
        .values_list("lane")
        .annotate(jobs=Count("pk"), oldest=Min("pk"))
        .order_by("lane")
    )
    return [Waiting(lane, jobs, made_at(oldest)) for lane, jobs, oldest in rows]


def at_work_by_backend() -> dict[str, int]:
    """Return how many attempts each backend has that have not ended."""
    live = Attempt.objects.exclude(state=Attempt.State.ENDED)
    return dict(live.values_list("backend").annotate(n=Count("pk")))


def has_ordered(account: Account) -> bool:
    """Say whether the account has ever ordered anything."""
    return jobs(account).exists()


def first_success(account: Account, *, since: datetime, until: datetime) -> Job | None:
    """Return the first job to succeed of those ordered from `since` on and before `until`."""
    made = jobs(account).filter(
        status=JobStatus.SUCCEEDED, ordered_at__gte=since, ordered_at__lt=until
    )
    return made.order_by("finished_at", "id").first()


def overdue_by_clock(*, now: datetime) -> QuerySet[Job]:
    """Return the queued jobs of sandboxes that are out of time by their wallet's clock alone.

    What an order waits for is kept in real time; how far the clock has been moved since the order
    brings the end so much nearer.

    Args:
        now: the real instant.
    """
    moved = F("wallet__clock_offset") - (F("ordered_at") - F("created_at"))
    queued = Job.objects.filter(status=JobStatus.QUEUED, wallet__clock_offset__gt=timedelta(0))
    return queued.filter(dispatch_by__lte=now + moved).order_by("dispatch_by")


def clock_moved(job: Job) -> timedelta:
    """Return how far its account's clock has been moved since the order; never of a live one."""
    if not job.account.is_sandbox or not job.wallet.clock_offset:
        return timedelta(0)
    return max(timedelta(0), job.wallet.clock_offset - (job.ordered_at - job.created_at))


def given_up_at(account_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when the next queued job of each of these accounts is given up, by its clock."""
    queued = Job.objects.filter(account__in=account_ids, status=JobStatus.QUEUED)
    by_clock = F("dispatch_by") + (F("ordered_at") - F("created_at"))
    return dict(queued.values_list("account_id").annotate(first=Min(by_clock)))


def job(
    job_id: str, account: Account, member: Membership | None = None, *, sees_all: bool = False
) -> Job:
    """Return one job of those that `jobs` returns.

    Raises:
        NotFound: absent, or another's.
    """
    found = jobs(account, member, sees_all=sees_all).filter(pk=job_id).first()
    if found is None:
        raise problems.absent()
    return found


def used_by(member: Membership, *, since: datetime, until: datetime | None = None) -> int:
    """Return how many credits of the pool the member has used, held or charged.

    Args:
        since, until: by what he ordered from then on, and before; None: until now.
    """
    ordered = Job.objects.filter(
        member=member, account=member.organization.account_id, ordered_at__gte=since
    )
    if until is not None:
        ordered = ordered.filter(ordered_at__lt=until)
    return int(ordered.aggregate(n=Coalesce(Sum(_COST), 0))["n"])


def usage(
    account: Account,
    member: Membership | None,
    *,
    by: Sequence[str],
    since: datetime | None,
    until: datetime | None,
) -> QuerySet[Job, dict[str, Any]]:
    """Return what an organization's pool has paid for its members, summed by `by`.

    Args:
        member: only his; None: everybody's.
        by: of "member", "day" and "model"; days are those of the organization's calendar.
        since, until: only what was ordered from then on, and before.
    """
    found = Job.objects.filter(account=account)
    if member is not None:
        found = found.filter(member=member)
    if since is not None:
        found = found.filter(ordered_at__gte=since)
    if until is not None:
        found = found.filter(ordered_at__lt=until)
    keys = {
        "member": F("member_id"),
        "day": TruncDate("ordered_at", tzinfo=ZoneInfo(account.zone)),
        "model": F("model"),
    }
    rows: QuerySet[Job, dict[str, Any]] = (
        found.annotate(**{f"by_{name}": keys[name] for name in by})
        .values(*(f"by_{name}" for name in by))
        .annotate(
            orders=Count("pk"),
            succeeded=Count("pk", filter=Q(status=JobStatus.SUCCEEDED)),
            held_micros=Coalesce(Sum("hold__amount_micros", filter=Q(finished_at=None)), 0),
            charged_micros=Coalesce(Sum("charged_micros"), 0),
        )
        .order_by(*(f"by_{name}" for name in by))
    )
    return rows


def orders_of(account: Account) -> QuerySet[Job]:
    """Return all that was ordered at the account's cost, in no order."""
    return Job.objects.filter(account=account)


def counted(account: Account, *, since: datetime) -> QuerySet[Job]:
    """Return the account's orders from `since` on that count: not those that came to nothing."""
    return Job.objects.filter(_COUNTS, account=account, ordered_at__gte=since)


def month_counts(account: Account, *, model: str, task: str, since: datetime) -> tuple[int, int]:
    """Return how many such orders from `since` on count, and how many of them have ended.

    One that is under way may still be canceled, and then never happened.
    """
    alike = counted(account, since=since).filter(model=model, dimensions__task=task)
    found = alike.aggregate(all=Count("pk"), ended=Count("pk", filter=~Q(status__in=LIVE)))
    return found["all"], found["ended"]


def still_in(jobs: QuerySet[Job], window: str, *, at: datetime) -> QuerySet[Job]:
    """Return those of `jobs` that a window that rolls still holds at the instant `at`."""
    return jobs.alias(_leaves_at=leaves_at("ordered_at", window)).filter(_leaves_at__gt=at)


def leaves_at(instant: str, window: str) -> Func:
    """Return when a window lets go of what came at `instant`, as `entitlements.leaves_at` says.

    PostgreSQL clamps to the length of a month as we do; at UTC, whatever the session's zone is.
    """
    return Func(
        instant,
        Cast(Value(window), DurationField()),
        template="((%(expressions)s) AT TIME ZONE 'UTC')",
        arg_joiner=" AT TIME ZONE 'UTC' + ",
        output_field=DateTimeField(),
    )


def used(jobs: QuerySet[Job], unit: str) -> int:
    """Return how much of `unit` ("orders", "outputs" or "credits") the jobs are, in all."""
    return int(jobs.aggregate(used=Coalesce(Sum(_UNITS[unit]), 0))["used"])


def first_to_leave(jobs: QuerySet[Job], window: str, unit: str) -> Iterator[tuple[datetime, int]]:
    """Yield when each job was ordered and how much of `unit` it is, the first to leave first."""
    ordered = jobs.annotate(_used=_UNITS[unit]).order_by(leaves_at("ordered_at", window), "pk")
    yield from ordered.values_list("ordered_at", "_used").iterator(chunk_size=_RECENT)


def alike(jobs: QuerySet[Job], match: Mapping[str, tuple[Scalar, ...] | Between]) -> QuerySet[Job]:
    """Return those of `jobs` that a catalog's `match` is for, as `matching.fits` would say."""
    for number, (name, matcher) in enumerate(match.items()):
        # Through a transform, for a name may have two underscores, which a lookup would split.
        said, column = f"_matched_{number}", "context" if name in CONTEXT else "dimensions"
        if isinstance(matcher, Between):
            jobs = jobs.alias(**{said: _number(name, column)})
            jobs = jobs.filter(**{f"{said}__gte": matcher.min, f"{said}__lte": matcher.max})
        elif matcher:
            jobs = jobs.alias(**{said: KeyTransform(name, column)})
            jobs = jobs.filter(**{f"{said}__in": list(matcher)})
    return jobs


def _seen(account: Account, member: Membership | None, *, sees_all: bool) -> Q:
    if member is None:
        return Q(account=account)
    own = Q(member=member)
    return own | Q(account=member.organization.account_id) if sees_all else own


def _number(name: str, column: str) -> Case:
    """Return the number that a fact says, exactly as `Between` reads it; NULL: it says none.

    A whole number stands there as a number, one with decimal places as a text; a truth value and
    a list are neither.
    """
    kind = Func(KeyTransform(name, column), function="jsonb_typeof", output_field=CharField())
    text = KeyTextTransform(name, column)
    exact = DecimalField(max_digits=16, decimal_places=6)
    return Case(
        When(Exact(kind, Value("number")), then=Cast(text, exact)),
        When(Exact(kind, Value("string")) & Regex(text, f"^{DECIMAL}$"), then=Cast(text, exact)),
        output_field=exact,
    )


def typical_durations(models: Iterable[str]) -> dict[str, timedelta]:
    """Return how long a job of each model took of late, from its start: the mean of the last 50.

    So that many of them take so many times as long; the middle one would be shorter than that, for
    few take very long.

    A model of which none has succeeded yet is left out: nobody knows.
    """
    found = {}
    for model in set(models):
        ran = _ran_last(model=model)
        if ran:
            seconds = statistics.fmean((ended - started).total_seconds() for started, ended in ran)
            found[model] = timedelta(seconds=round(seconds))
    return found


_ran_last = Prepared(
    lambda: (
        Job.objects.filter(
            model=Given("model"), status=JobStatus.SUCCEEDED, started_at__isnull=False
        )
        .order_by("-finished_at")
        .values_list("started_at", "finished_at")[:_RECENT]
    )
)


def question_of(model: str) -> Question:
    """Return what `typical_durations` asks of a model, for who asks ahead."""
    return _ran_last.question(model=model)


def latest_orders(*, since: datetime) -> list[Job]:
    """Return the latest orders of all, the newest first: what of them says who may go first."""
    newest = Job.objects.exclude(turn_distance=None).order_by("-pk")
    newest = newest.only("wallet", "model", "lane", "lane_priority", "turn_distance", "created_at")
    return [job for job in newest[:_LATEST] if job.created_at >= since]
