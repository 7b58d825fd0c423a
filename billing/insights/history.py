"""What was really sold: succeeded jobs with what priced them, what they cost, and who paid.

Reads row by row: a year of history takes no more memory than a day.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import islice
from typing import Final

from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Job
from billing.ledger.models import Entry
from plans.catalog.values import Scalar

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Sold:
    """One succeeded job.

    Attributes:
        version_id: the catalog that priced it.
        facts: its dimensions, and what was known of its account.
        at: the instant as of which it was priced.
        quoted_micros, charged_micros: the price told, and what was really taken, in credits.
        paid: by currency what the credits that were taken had cost, in micros of money.
        unpaid_micros: those of the credits that nobody had paid for, or not by themselves.
    """

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


def sold(*, since: datetime, is_sandbox: bool) -> Iterator[Sold]:
    """Yield the jobs ordered since then that have succeeded, those of one account in a row."""
    jobs = Job.objects.filter(
        status=JobStatus.SUCCEEDED, created_at__gte=since, account__is_sandbox=is_sandbox
    ).order_by("account_id", "id")
    for chunk in _chunks(jobs.iterator(chunk_size=_CHUNK)):
        captured = _captured(chunk)
        for job in chunk:
            paid, unpaid = captured.get(job.pk, ({}, 0))
            yield Sold(
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
            )


def _chunks(jobs: Iterator[Job]) -> Iterator[list[Job]]:
    while chunk := list(islice(jobs, _CHUNK)):
        yield chunk


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
