"""What is left of what jobs brought, after what their backends cost: by model, plan, backend."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from django.utils.translation import gettext as _

from billing.insights import history
from billing.insights.history import Sold
from billing.insights.simulate import Money, Side, cost_of, margin_of, side_of
from billing.insights.tables import money_text
from billing.jobs.lifecycle import JobStatus
from plans import selectors as plans
from plans.credits import format_micros

KEYS: Final = ("model", "mode", "plan", "backend", "status", "job")
_NAME: Final = 34
_COLUMN: Final = 18


@dataclass(slots=True)
class Earned:
    """What some jobs brought and cost.

    Attributes:
        side: their credits, revenue and margin; the margin of those alone of which both are known.
        cost: by currency what they cost us, of those of which that is known.
        measured, estimated: of how many the cost was reported by their backends, and of how many
            only the catalog's cost sheet tells it. Of the rest it is unknown.
    """

    jobs: int = 0
    succeeded: int = 0
    side: Side = field(default_factory=Side)
    cost: Money = field(default_factory=dict)
    measured: int = 0
    estimated: int = 0


def margin(
    *,
    since: datetime,
    by: Sequence[str],
    is_sandbox: bool = False,
    told_in: str = "",
    rates: Mapping[str, Fraction] | None = None,
) -> dict[tuple[str, ...], Earned]:
    """Return what the jobs ordered since then have brought and cost; nothing is written.

    All that have ended count: one that failed brings nothing, and may have cost.

    Args:
        by: some of `KEYS`; each row is named by what its jobs have in common.
        told_in: the currency of all margins; "": each is in its own, and known where revenue and
            cost are in the same.
        rates: what one unit of another currency is in that one.
    """
    jobs = history.ended(since=since, is_sandbox=is_sandbox)
    return summed(jobs, by=by, told_in=told_in, rates=rates)


def summed(
    jobs: Iterable[Sold],
    *,
    by: Sequence[str],
    told_in: str = "",
    rates: Mapping[str, Fraction] | None = None,
) -> dict[tuple[str, ...], Earned]:
    """Return what these jobs have brought and cost, as `margin` does."""
    known = {**(rates or {}), told_in: Fraction(1)} if told_in else {}
    found: dict[tuple[str, ...], Earned] = {}
    for job in jobs:
        row = found.setdefault(tuple(_named(job, key) for key in by), Earned())
        _add(row, job, told_in, known)
    return dict(sorted(found.items()))


def _add(row: Earned, job: Sold, told_in: str, rates: Mapping[str, Fraction]) -> None:
    catalog = plans.version(job.version_id).catalog
    side = side_of(
        job, catalog, job.charged_micros, job.paid, job.unpaid_micros, catalog.credit.worth
    )
    is_sold = job.status == JobStatus.SUCCEEDED
    # The sheet says what a video costs, not what a part of one does.
    cost = cost_of(job, catalog) if is_sold or job.spent is not None else None
    if cost is None:
        side.margin, side.margin_jobs = {}, 0
    elif told_in and not side.unvalued_micros:
        left = in_one(margin_of(side.revenue, cost), rates)
        side.margin, side.margin_jobs = ({}, 0) if left is None else ({told_in: left}, 1)
    row.jobs += 1
    row.succeeded += is_sold
    if cost is not None:
        row.measured += job.spent is not None
        row.estimated += job.spent is None
        for currency, micros in cost.items():
            row.cost[currency] = row.cost.get(currency, Fraction(0)) + micros
    row.side.add(side)


def in_one(money: Money, rates: Mapping[str, Fraction]) -> Fraction | None:
    """Return amounts of several currencies as one; None: a rate is missing."""
    if money.keys() - rates.keys():
        return None
    return sum((micros * rates[currency] for currency, micros in money.items()), Fraction(0))


def lines(rows: Mapping[tuple[str, ...], Earned], *, by: Sequence[str]) -> Iterator[str]:
    """Yield the rows as a table for a terminal."""
    heads = (_("jobs"), _("credits"), _("revenue"), _("cost"), _("margin"))
    yield f"{' / '.join(by):<{_NAME}}" + "".join(f"{head:>{_COLUMN}}" for head in heads)
    for names, row in rows.items():
        cells = (
            f"{row.succeeded}/{row.jobs}",
            format_micros(row.side.credits_micros),
            _spoken(row.side.revenue, is_whole=not row.side.unvalued_micros),
            _spoken(row.cost, is_whole=row.measured + row.estimated == row.jobs),
            _spoken(row.side.margin, is_whole=row.side.margin_jobs == row.jobs)
            if row.side.margin_jobs
            else "?",
        )
        yield f"{_shortened(names):<{_NAME}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)
    yield ""
    yield _("jobs: succeeded/ended; +?: of some jobs it is not known, and they are not in it.")


def document(rows: Mapping[tuple[str, ...], Earned], *, by: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows for a program: amounts are decimal strings, by currency."""
    return [
        {
            **dict(zip(by, names, strict=True)),
            "jobs": row.jobs,
            "succeeded": row.succeeded,
            "credits": format_micros(row.side.credits_micros),
            "revenue": _written(row.side.revenue),
            "unvalued_credits": format_micros(row.side.unvalued_micros),
            "cost": _written(row.cost),
            "cost_measured_jobs": row.measured,
            "cost_estimated_jobs": row.estimated,
            "margin": _written(row.side.margin),
            "margin_jobs": row.side.margin_jobs,
        }
        for names, row in rows.items()
    ]


def _named(job: Sold, key: str) -> str:
    match key:
        case "job":
            return job.job_id
        case "mode":
            return str(job.facts.get("mode", "-"))
        case _:
            return str(getattr(job, key)) or "-"


def _shortened(names: Iterable[str]) -> str:
    return " / ".join(names)[: _NAME - 1]


def _spoken(money: Money, *, is_whole: bool) -> str:
    said = " + ".join(f"{money_text(m)} {c}".rstrip() for c, m in sorted(money.items()))
    if not is_whole:
        return f"{said} +?" if said else "?"
    return said or "0"


def _written(money: Money) -> dict[str, str]:
    return {currency: money_text(micros) for currency, micros in sorted(money.items())}
