"""What was really sold: jobs with what priced them, what they cost, and who paid.

Reads row by row: a year of history takes no more memory than a day.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import islice
from typing import Final

from django.db.models import QuerySet

from billing.ids import floor_of
from billing.jobs.lifecycle import FINAL, NEVER_TAKEN, JobStatus
from billing.jobs.models import Attempt, Job
from billing.ledger.models import Entry
from plans.catalog.values import Scalar

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Sold:
    """One job that has ended.

    Attributes:
        job_id: which.
        version_id: the catalog that priced it.
        facts: its dimensions, and what was known of its account.
        at: the instant as of which it was priced.
        quoted_micros, charged_micros: the price told, and what was really taken, in credits.
        paid: by currency what the credits that were taken had cost, in micros of money.
        unpaid_micros: those of the credits that nobody had paid for, or not by themselves.
        status: how the job has ended.
        backend: who made it, or tried last; "" when nobody was asked.
        spent: by currency what all its attempts cost us, in micros of money; None: of some nobody
            knows. A job that no backend ever took cost nothing.
    """

    job_id: str
    account_id: str
    model: str
    plan: str
    version_id: str
    facts: Mapping[str, Scalar]
    at: datetime
    quoted_micros: int
    charged_micros: int
    paid: Mapping[str, Fraction]
    unpaid_micros: int
    status: str
    backend: str
    spent: Mapping[str, int] | None


def sold(*, since: datetime, until: datetime | None = None, is_sandbox: bool) -> Iterator[Sold]:
    """Yield the jobs ordered in that time that have succeeded, those of one account in a row.

    Args:
        until: the first instant outside; None: there is none.
    """
    yield from _read(_succeeded(since, until), is_sandbox=is_sandbox)


def count(*, since: datetime, until: datetime, is_sandbox: bool) -> int:
    """Return how many jobs `sold` will yield of that time."""
    return _succeeded(since, until).filter(account__is_sandbox=is_sandbox).count()


def ended(*, since: datetime, is_sandbox: bool) -> Iterator[Sold]:
    """Yield the jobs ordered since then that have ended in any way: those that failed cost, too."""
    jobs = Job.objects.filter(status__in=FINAL, created_at__gte=since)
    yield from _read(jobs, is_sandbox=is_sandbox)


def ended_of(*, since: datetime, until: datetime, is_sandbox: bool) -> Iterator[Sold]:
    """Yield the jobs that were ordered in this time, by their ids, and have ended in any way.

    The ids are an index: what was before and after is not looked at.
    """
    jobs = Job.objects.filter(
        status__in=FINAL, pk__gte=floor_of("job", since), pk__lt=floor_of("job", until)
    )
    yield from _read(jobs, is_sandbox=is_sandbox)


def _succeeded(since: datetime, until: datetime | None) -> QuerySet[Job]:
    jobs = Job.objects.filter(status=JobStatus.SUCCEEDED, created_at__gte=since)
    return jobs if until is None else jobs.filter(created_at__lt=until)


def _read(jobs: QuerySet[Job], *, is_sandbox: bool) -> Iterator[Sold]:
    jobs = jobs.filter(account__is_sandbox=is_sandbox).order_by("account_id", "id")
    for chunk in _chunks(jobs.iterator(chunk_size=_CHUNK)):
        captured, tried = _captured(chunk), _tried(chunk)
        for job in chunk:
            paid, unpaid = captured.get(job.pk, ({}, 0))
            backend, spent = tried.get(job.pk, ("", {}))
            yield Sold(
                job_id=job.pk,
                account_id=job.account_id,
                model=job.model,
                plan=job.plan,
                version_id=job.catalog_version_id,
                facts={**job.dimensions, **job.context},
                at=job.rated_at,
                quoted_micros=job.quoted_micros,
                charged_micros=job.charged_micros or 0,
                paid=paid,
                unpaid_micros=unpaid,
                status=job.status,
                backend=backend,
                spent=spent,
            )


def _chunks(jobs: Iterator[Job]) -> Iterator[list[Job]]:
    while chunk := list(islice(jobs, _CHUNK)):
        yield chunk


def _tried(jobs: list[Job]) -> dict[str, tuple[str, dict[str, int] | None]]:
    """Return by job its last attempt's backend, and what all its attempts cost."""
    rows = (
        Attempt.objects.filter(job__in=jobs)
        .order_by("job_id", "number")
        .values_list("job_id", "backend", "outcome", "cost_micros", "cost_currency")
    )
    found: dict[str, tuple[str, dict[str, int] | None]] = {}
    for job_id, backend, outcome, micros, currency in rows:
        _former, spent = found.get(job_id, ("", {}))
        if micros is None and outcome not in NEVER_TAKEN:
            spent = None
        elif micros and spent is not None:
            spent = {**spent, currency: spent.get(currency, 0) + micros}
        found[job_id] = backend, spent
    return found


def _captured(jobs: list[Job]) -> dict[str, tuple[dict[str, Fraction], int]]:
    """Return by job what was paid for the credits that it took, and how many were not paid for.

    What was taken beyond a hold stands under a reference of its own.
    """
    job_of = {f"job:{job.pk}{part}": job.pk for job in jobs for part in ("", ":overrun")}
    rows = Entry.objects.filter(
        kind="capture",
        hold__wallet_id__in={job.wallet_id for job in jobs},
        hold__reference__in=job_of,
    ).values_list(
        *("hold__reference", "amount_micros"),
        *("grant__amount_micros", "grant__paid_micros", "grant__paid_currency"),
    )
    found: dict[str, tuple[dict[str, Fraction], int]] = {}
    for reference, taken, granted, paid, currency in rows:
        worth, unpaid = found.get(job_of[reference], ({}, 0))
        if paid:
            worth[currency] = worth.get(currency, Fraction(0)) + Fraction(taken * paid, granted)
        else:
            unpaid += taken
        found[job_of[reference]] = (worth, unpaid)
    return found
