"""Which jobs an incident touched, and what would move for them; nothing is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from billing.accounts import selectors as accounts
from billing.accounts.models import Account
from billing.corrections import amounts
from billing.corrections.amounts import Hurt, Rule, Share
from billing.corrections.errors import (
    InvalidCorrection,
    NothingSelected,
    SelectionTooLarge,
    TooManyAccounts,
)
from billing.corrections.models import Adjustment, CompensatedJob, Compensation, OperatorDay
from billing.jobs.lifecycle import FINAL, FailureClass
from billing.jobs.models import Attempt, Job
from billing.ledger import selectors as ledger
from billing.promotions import selectors as promotions
from billing.promotions.models import CampaignGrant
from billing.subscriptions.models import Subscription
from plans.catalog.schema import Catalog, Credit
from plans.credits import MICROS, MICROS_MAX

JOBS_MAX: Final = 100_000
RUN_MAX: Final = 10_000  # accounts of one run
TOP: Final = 10
_PLACES: Final = 6  # decimals of a micro
_LISTS: Final = ("models", "tasks", "plans", "backends", "statuses", "error_classes")


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs that have ended, of one side of the sandbox; an empty list means any.

    Attributes:
        since, until: ordered from the first instant on and before the second.
        accounts: ordered by those of these names.
        tasks: of the orders' dimension "task".
        backends: one of the job's attempts was at one of them.
        statuses: how they ended.
        error_classes: how they failed.
    """

    since: datetime
    until: datetime
    is_sandbox: bool = False
    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    error_classes: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the words that are ours, and the span.

        Raises:
            InvalidCorrection: one of them selects nothing.
        """
        if self.since >= self.until:
            raise InvalidCorrection(_("The span ends before it begins."))
        for said, known in (
            (self.statuses, [status.value for status in FINAL]),
            (self.error_classes, [one.value for one in FailureClass]),
        ):
            strange = [word for word in said if word not in known]
            if strange:
                raise InvalidCorrection(
                    _("%(strange)s is none of: %(known)s.")
                    % {"strange": ", ".join(strange), "known": ", ".join(known)}
                )

    def written(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        lists = {name: sorted(set(getattr(self, name))) for name in _LISTS}
        span = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        # Left out where anybody's count: older requests know nothing of it, and stay the same.
        whose = {"accounts": sorted(set(self.accounts))} if self.accounts else {}
        return {**span, "is_sandbox": self.is_sandbox, **lists, **whose}


@dataclass(frozen=True, slots=True)
class Top:
    """One of the accounts that have most."""

    external_id: str
    amount_micros: int
    jobs: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What would move for an incident.

    Attributes:
        digest: by which these very jobs and amounts are known.
        jobs_matching: how many jobs the selection finds; some may count for nothing.
        jobs_before: how many of those that are named were compensated for another incident.
        worth_micros, currency: what the credits are worth in money; None: the catalog says not.
        top: the accounts that have most.
    """

    digest: str
    shares: tuple[Share, ...]
    jobs_matching: int
    jobs_before: int
    worth_micros: int | None
    currency: str
    top: tuple[Top, ...]

    @property
    def jobs_count(self) -> int:
        """How many jobs are named."""
        return sum(len(share.jobs) for share in self.shares)

    @property
    def amount_micros(self) -> int:
        """How many credits move."""
        return sum(share.amount_micros for share in self.shares)


def preview(selection: Selection, rule: Rule, *, catalog: Catalog) -> Preview:
    """Return what `rule` gives for the jobs of `selection`, as they have ended by now.

    Raises:
        InvalidCorrection: a name that no account has, or more in all than one wallet may hold.
        NothingSelected: nobody has anything.
        SelectionTooLarge: of more than a hundred thousand jobs.
        ShareAboveMaximum: an account has a fixed amount above what one adjustment gives.
    """
    _require_known(selection)
    hurt = list(_hurt(selection))
    if len(hurt) > JOBS_MAX:
        raise SelectionTooLarge(jobs_max=JOBS_MAX)
    shares = tuple(amounts.shares(rule, hurt, step_micros=_step_micros(catalog.credit)))
    if not shares:
        raise NothingSelected
    amount_micros = sum(share.amount_micros for share in shares)
    if amount_micros > MICROS_MAX:
        raise InvalidCorrection(_("The amount is beyond what a wallet may hold."))
    top = _top(shares)
    amounts.require_bounded(
        rule,
        account=top[0].external_id,
        share_micros=top[0].amount_micros,
        max_micros=catalog.corrections.adjustment_max_micros,
    )
    worth = catalog.credit.worth
    return Preview(
        digest=amounts.digest({"selection": selection.written(), "rule": rule.written()}, shares),
        shares=shares,
        jobs_matching=len(hurt),
        jobs_before=_before(selection, shares),
        worth_micros=amount_micros * worth.amount_micros // MICROS if worth else None,
        currency=worth.currency if worth else "",
        top=top,
    )


def _require_known(selection: Selection) -> None:
    """Refuse names that are nobody's, so that none is left out unseen.

    Raises:
        InvalidCorrection: with the first of them.
    """
    strangers = accounts.strangers(selection.accounts, is_sandbox=selection.is_sandbox)
    if strangers:
        raise InvalidCorrection(
            _("No account on this side of the sandbox has the name: %(names)s.")
            % {"names": " ".join(strangers[:TOP])},
            field="accounts",
        )


def matching(selection: Selection) -> QuerySet[Job]:
    """Return the jobs of a selection, in no order."""
    jobs = Job.objects.filter(
        account__is_sandbox=selection.is_sandbox,
        created_at__gte=selection.since,
        created_at__lt=selection.until,
        status__in=selection.statuses or [status.value for status in FINAL],
    )
    if selection.accounts:
        jobs = jobs.filter(account__external_id__in=selection.accounts)
    if selection.models:
        jobs = jobs.filter(model__in=selection.models)
    if selection.tasks:
        jobs = jobs.filter(dimensions__task__in=list(selection.tasks))
    if selection.plans:
        jobs = jobs.filter(plan__in=selection.plans)
    if selection.error_classes:
        jobs = jobs.filter(failure_class__in=selection.error_classes)
    if selection.backends:
        there = Attempt.objects.filter(job=OuterRef("pk"), backend__in=selection.backends)
        jobs = jobs.filter(Exists(there))
    return jobs


def known_incident(key: str, *, is_sandbox: bool) -> Compensation | None:
    """Return the compensation of an incident that waits, is carried out or was; None: none."""
    over = ("refused", "withdrawn", "expired")
    rows = Compensation.objects.filter(key=key, is_sandbox=is_sandbox).exclude(state__in=over)
    return rows.first()


def _hurt(selection: Selection) -> Iterator[Hurt]:
    columns = ("pk", "account_id", "charged_micros", "quoted_micros")
    for row in matching(selection).values_list(*columns)[: JOBS_MAX + 1]:
        yield Hurt(*row)


def _step_micros(credit: Credit) -> int:
    """Return the smallest amount that the credit unit shows."""
    step: int = 1 if credit.rounding == "none" else 10 ** (_PLACES - credit.decimals)
    return step


def _before(selection: Selection, shares: tuple[Share, ...]) -> int:
    """Return how many of the named jobs another compensation has named before."""
    before = CompensatedJob.objects.filter(
        job__in=matching(selection), compensation__state__in=("approved", "done")
    )
    known = set(before.values_list("job_id", flat=True))
    return sum(job_id in known for share in shares for job_id, _due in share.jobs)


def _top(shares: tuple[Share, ...]) -> tuple[Top, ...]:
    largest = sorted(shares, key=lambda one: (-one.amount_micros, one.account_id))[:TOP]
    names = dict(
        Account.objects.filter(pk__in=[one.account_id for one in largest]).values_list(
            "pk", "external_id"
        )
    )
    return tuple(Top(names[one.account_id], one.amount_micros, len(one.jobs)) for one in largest)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who is to have a share of a campaign: those of a list, or all that a filter finds.

    Attributes:
        name: of the run; an account has one share of each.
        external_ids: by these names and nobody else; empty: whom the filter finds.
        plans: who is on one of them now.
        since, until: made from the first instant on and before the second.
    """

    campaign: str
    name: str
    is_sandbox: bool = False
    external_ids: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def written(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        return {
            "campaign": self.campaign,
            "name": self.name,
            "is_sandbox": self.is_sandbox,
            "external_ids": sorted(set(self.external_ids)),
            "plans": sorted(set(self.plans)),
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class RunOutlook:
    """What a run of a campaign would give.

    Attributes:
        digest: by which these very accounts and the amount are known.
        account_ids: who would have a share.
        unknown: names of the list that no account has.
        share_micros: the most that one may have; by chance it may be less.
        had: how many of them have their share of this run already; it stays the one they have.
        left_micros: what the campaign may still give.
        some: the names of the first of them.
    """

    digest: str
    account_ids: tuple[str, ...]
    unknown: tuple[str, ...]
    share_micros: int
    had: int
    left_micros: int
    some: tuple[str, ...]

    @property
    def amount_micros(self) -> int:
        """The most that moves."""
        return self.share_micros * len(self.account_ids)


def preview_run(chosen: Accounts, *, catalog: Catalog) -> RunOutlook:
    """Return what a run of a campaign would give, by the catalog in force; nothing is written.

    Raises:
        NotFound: the catalog has no such campaign.
        InvalidCorrection: neither a list nor a filter, or more in all than is counted.
        NothingSelected: nobody is found. TooManyAccounts: more than ten thousand.
    """
    terms = promotions.campaign(catalog, chosen.campaign)
    named = sorted(set(chosen.external_ids))
    rows = list(
        _chosen(chosen, catalog).order_by("pk").values_list("pk", "external_id")[: RUN_MAX + 1]
    )
    if not rows:
        raise NothingSelected
    if len(rows) > RUN_MAX:
        raise TooManyAccounts(accounts_max=RUN_MAX)
    ids, names = tuple(pk for pk, _name in rows), {name for _pk, name in rows}
    share_micros = terms.credits_micros or terms.credits_max_micros
    assert share_micros is not None, "a campaign gives so much, or up to so much"
    if share_micros * len(ids) > MICROS_MAX:
        raise InvalidCorrection(_("The amount is beyond what a wallet may hold."))
    had = CampaignGrant.objects.filter(
        account__in=ids, budget__campaign=terms.code, fact=f"run:{chosen.name}"
    )
    return RunOutlook(
        digest=amounts.digest_of_run(chosen.written(), ids, share_micros),
        account_ids=ids,
        unknown=tuple(name for name in named if name not in names),
        share_micros=share_micros,
        had=had.count(),
        left_micros=promotions.left_micros(terms, is_sandbox=chosen.is_sandbox),
        some=tuple(name for _pk, name in rows[:TOP]),
    )


def _chosen(chosen: Accounts, catalog: Catalog) -> QuerySet[Account]:
    """Return the accounts of a list or of a filter, in no order."""
    found = accounts.accounts(is_sandbox=chosen.is_sandbox)
    if chosen.external_ids:
        return found.filter(external_id__in=set(chosen.external_ids))
    if not (chosen.plans or chosen.since or chosen.until):
        raise InvalidCorrection(_("Name accounts, or say which by their plan or age."))
    if chosen.since is not None:
        found = found.filter(created_at__gte=chosen.since)
    if chosen.until is not None:
        found = found.filter(created_at__lt=chosen.until)
    if chosen.plans:
        found = found.filter(_is_on(chosen.plans, catalog))
    return found


def _is_on(codes: Sequence[str], catalog: Catalog) -> Q | Exists:
    """Return what is true of accounts on one of these plans; who has none is on the free one."""
    has_one = Exists(Subscription.objects.filter(account=OuterRef("pk"), ended_at=None))
    on_them = Exists(
        Subscription.objects.filter(account=OuterRef("pk"), ended_at=None, plan__in=codes)
    )
    if any(plan.free and plan.code in codes for plan in catalog.plans):
        return Q(on_them) | Q(~has_one, kind=Account.Kind.PERSON)
    return on_them


def today(catalog: Catalog, now: datetime) -> date:
    """Return the day on which a correction counts for its persons."""
    return now.astimezone(ZoneInfo(catalog.zone)).date()


def day_of(person: User, *, is_sandbox: bool, catalog: Catalog, now: datetime) -> OperatorDay:
    """Return a person's day as it stands, by the bound that holds now; nothing is written."""
    which = {"operator": person, "day": today(catalog, now), "is_sandbox": is_sandbox}
    day = OperatorDay.objects.filter(**which).first() or OperatorDay(**which)
    day.max_micros = catalog.corrections.adjustment_day_max_micros
    return day


def find_operator(name: str) -> User | None:
    """Return the operator of that name who may still log in; None: there is none."""
    return User.objects.filter(username=name, is_active=True, is_staff=True).first()


def debts(account: Account) -> QuerySet[Any]:
    """Return what the account owes and has owed, with the `reason_code` of an adjustment's debt.

    The code is one of the catalog that is `reason_version`; both are None for other debts.
    """
    by_hand = Adjustment.objects.filter(pk=OuterRef("cause_id"))
    return ledger.debts(account).annotate(
        reason_code=Subquery(by_hand.values("reason")),
        reason_version=Subquery(by_hand.values("catalog_version_id")),
    )
