"""Prices what was really sold by another catalog: credits, revenue and margin side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from django.utils.translation import gettext as _

from billing.insights import history
from billing.insights.history import Sold
from plans import rating
from plans import selectors as plans
from plans.catalog.policies import Worth
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.credits import MICROS
from plans.errors import Unpriced

Money = dict[str, Fraction]  # by currency, in micros


@dataclass(slots=True)
class Side:
    """What some jobs bring by one catalog.

    Attributes:
        revenue: what their credits were worth, as far as that is known.
        unvalued_micros: the credits whose worth nobody knows; they are not in the revenue.
        margin: revenue less cost, of the jobs of which both are known in one currency.
        margin_jobs: how many those are; 0: the margin is unknown.
    """

    credits_micros: int = 0
    revenue: Money = field(default_factory=dict)
    unvalued_micros: int = 0
    margin: Money = field(default_factory=dict)
    margin_jobs: int = 0

    def add(self, part: "Side") -> None:
        """Add what another job brings."""
        self.credits_micros += part.credits_micros
        self.unvalued_micros += part.unvalued_micros
        self.margin_jobs += part.margin_jobs
        for total, more in ((self.revenue, part.revenue), (self.margin, part.margin)):
            for currency, micros in more.items():
                total[currency] = total.get(currency, Fraction(0)) + micros


@dataclass(slots=True)
class Row:
    """Some jobs, by what was charged and by the new catalog."""

    jobs: int = 0
    old: Side = field(default_factory=Side)
    new: Side = field(default_factory=Side)

    def add(self, old: Side, new: Side) -> None:
        """Add one job."""
        self.jobs += 1
        self.old.add(old)
        self.new.add(new)


@dataclass(slots=True)
class Report:
    """What a catalog would have made of the jobs since an instant.

    Attributes:
        models, plans: the jobs by model, and by the plan that they were ordered on.
        unpriced: by reason, the jobs that the new catalog does not price; in no other number.
        dearer, cheaper, same: accounts by whether they would have paid more credits or fewer.
    """

    since: datetime
    total: Row = field(default_factory=Row)
    models: dict[str, Row] = field(default_factory=dict)
    plans: dict[str, Row] = field(default_factory=dict)
    unpriced: dict[str, int] = field(default_factory=dict)
    dearer: int = 0
    cheaper: int = 0
    same: int = 0


def simulate(catalog: Catalog, *, since: datetime, is_sandbox: bool = False) -> Report:
    """Return what `catalog` would have made of the jobs ordered since then; nothing is written.

    Each succeeded job is priced by the facts and as of the instant at which it was priced, and
    in the share of its price that was really kept: what counted units paid, or fewer outputs,
    or a measured usage, is so in both. Whether a plan would have allowed it is not asked. One
    pass in constant memory.
    """
    report = Report(since)
    account, balance = None, 0
    for job in history.sold(since=since, is_sandbox=is_sandbox):
        if job.account_id != account:
            _count_account(report, account, balance)
            account, balance = job.account_id, 0
        try:
            old, new = _sides(job, catalog)
        except Unpriced:
            reason = _reason(job, catalog)
            report.unpriced[reason] = report.unpriced.get(reason, 0) + 1
            continue
        balance += new.credits_micros - old.credits_micros
        for row in (
            report.total,
            report.models.setdefault(job.model, Row()),
            report.plans.setdefault(job.plan, Row()),
        ):
            row.add(old, new)
    _count_account(report, account, balance)
    return report


def rerated(job: Sold, catalog: Catalog, *, at: datetime | None = None) -> int:
    """Return what `catalog` charges for a job that was sold, in micros of a credit.

    Args:
        at: as of that instant; None: as of the one at which it was priced.

    Raises:
        Unpriced: it has no price for it.
    """
    facts = facts_for(job, catalog)
    price = rating.rate(catalog, facts, at=job.at if at is None else at)
    return rating.round_micros(catalog.credit, price.total_micros * _kept(job))


def cost_of(job: Sold, costing: Catalog) -> Money | None:
    """Return by currency what a job cost us, in micros of money; None: nobody knows.

    That is what its backends measured, else what the catalog's cost sheet says of such an order.
    """
    if job.spent is not None:
        return {currency: Fraction(micros) for currency, micros in job.spent.items()}
    sheet = rating.cost(costing, facts_for(job, costing), at=job.at)
    if sheet is None or costing.cost is None:
        return None
    return {costing.cost.currency: sheet}


def margin_of(revenue: Money, cost: Money) -> Money:
    """Return revenue less cost, by currency."""
    nothing = Fraction(0)
    return {
        currency: revenue.get(currency, nothing) - cost.get(currency, nothing)
        for currency in sorted(revenue.keys() | cost.keys())
    }


def facts_for(job: Sold, catalog: Catalog) -> Mapping[str, Scalar]:
    """Return the facts by which `catalog` prices a job: its own book for the same account."""
    facts = {name: value for name, value in job.facts.items() if name != "book"}
    book = catalog.book_for(
        region=str(facts["region"]) if facts.get("region") else None,
        currency=str(facts["currency"]) if facts.get("currency") else None,
    )
    return facts if book is None else {**facts, "book": book.code}


def _kept(job: Sold) -> Fraction:
    """Return the share of the full price that was taken in the end."""
    before = plans.version(job.version_id).catalog
    try:
        full = rating.rate(before, job.facts, at=job.at).total_micros
    except Unpriced:  # by a rule that is read otherwise today; what was told then is true
        full = job.quoted_micros
    return Fraction(job.charged_micros, full) if full else Fraction(1)


def _sides(job: Sold, catalog: Catalog) -> tuple[Side, Side]:
    before = plans.version(job.version_id).catalog
    new_micros = rerated(job, catalog)
    worth = before.credit.worth or catalog.credit.worth
    costing = before if before.cost is not None else catalog
    old = side_of(job, costing, job.charged_micros, job.paid, job.unpaid_micros, worth)
    return old, brought_by(job, catalog, new_micros)


def brought_by(job: Sold, catalog: Catalog, new_micros: int) -> Side:
    """Return what a job brings that `catalog` charges so many micros of a credit for.

    Its credits are worth what those were worth that paid for it; where none did, what the catalog
    says, or the one by which it was sold.
    """
    before = plans.version(job.version_id).catalog
    if job.charged_micros:
        ratio = Fraction(new_micros, job.charged_micros)
        paid = {currency: micros * ratio for currency, micros in job.paid.items()}
        unpaid = job.unpaid_micros * ratio
    else:
        paid, unpaid = {}, Fraction(new_micros)
    worth = catalog.credit.worth or before.credit.worth
    costing = catalog if catalog.cost is not None else before
    return side_of(job, costing, new_micros, paid, unpaid, worth)


def side_of(
    job: Sold,
    costing: Catalog,
    credits_micros: int,
    paid: Mapping[str, Fraction],
    unpaid_micros: int | Fraction,
    worth: Worth | None,
) -> Side:
    """Return what one job brings; `costing` is the catalog that says what it costs us."""
    side = Side(credits_micros, dict(paid))
    if unpaid_micros and worth is not None:
        value = unpaid_micros * Fraction(worth.amount_micros, MICROS)
        side.revenue[worth.currency] = side.revenue.get(worth.currency, Fraction(0)) + value
    elif unpaid_micros:
        side.unvalued_micros = int(unpaid_micros)
    spent = cost_of(job, costing)
    if spent is not None and not side.unvalued_micros:
        side.margin = margin_of(side.revenue, spent)
        side.margin_jobs = int(len(side.margin) <= 1)
        if not side.margin_jobs:
            side.margin = {}
    return side


def _reason(job: Sold, catalog: Catalog) -> str:
    """Return why a job has no price, in words that are few whatever the orders were."""
    if catalog.model(job.model) is None:
        return _("there is no model %(model)s") % {"model": job.model}
    return _("no rate prices some orders of %(model)s") % {"model": job.model}


def _count_account(report: Report, account: str | None, balance_micros: int) -> None:
    if account is None:
        return
    if balance_micros > 0:
        report.dearer += 1
    elif balance_micros < 0:
        report.cheaper += 1
    else:
        report.same += 1
