"""Sections on accounts: who comes, who pays, and what becomes of each month's newcomers."""

from collections.abc import Mapping
from datetime import date

from django.utils.translation import gettext as _

from billing.console.dashboard import charts, earning, reckoning
from billing.console.dashboard.asking import Question
from billing.console.dashboard.parts import Section, Sheet, Tile, change, percent, share
from billing.rollups import selectors
from billing.rollups.subjects import Span, Subject
from plans.credits import format_micros
from plans.shapes import money

_COHORTS = 12  # months of newcomers that are told of


def accounts(question: Question) -> Section:
    """Return how many came, and how many began to pay."""
    rows, before = (
        selectors.sums(Subject.ACCOUNTS, span, is_sandbox=question.is_sandbox, by=["day"])
        for span in (question.span, question.span.before)
    )
    told = selectors.told_until(Subject.ACCOUNTS, question.span)
    if not rows:
        return Section(
            "accounts",
            _("Accounts"),
            as_of=told[1] if told else None,
            empty=_(
                "Nobody came, ordered or paid in these days. New accounts stand here within five "
                "minutes."
            ),
        )
    places, found = question.buckets(), reckoning.by_bucket(question, rows)
    new, paid = (reckoning.total(rows, name) for name in ("new", "first_paying"))
    new_before, paid_before = (reckoning.total(before, name) for name in ("new", "first_paying"))
    return Section(
        "accounts",
        _("Accounts"),
        tiles=[
            Tile(
                _("new accounts"),
                _accounts(new),
                _("Accounts that were made in these days."),
                change(new, new_before),
            ),
            Tile(
                _("paid for the first time"),
                _accounts(paid),
                _("Accounts whose first payment came in these days, whenever they were made."),
                change(paid, paid_before),
            ),
            Tile(
                _("conversion"),
                share(paid, new),
                _(
                    "First payments for each new account of these days. What one month's "
                    "newcomers did later stands in the table of cohorts."
                ),
            ),
        ],
        chart=charts.lines(
            reckoning.labels(question, places),
            {
                _("new accounts"): reckoning.counts(found, places, "new"),
                _("paid for the first time"): reckoning.counts(found, places, "first_paying"),
            },
        ),
        chart_says=_("Accounts a day, or a month: new, and paid for the first time."),
        sheets=[_by_place(question, found)],
        as_of=told[1] if told else None,
    )


def _by_place(question: Question, found: dict[date, dict[str, int]]) -> Sheet:
    heads = [_("new accounts"), _("accounts that paid for the first time")]
    names = ["new", "first_paying"]
    if question.is_by_day:  # who ordered on two days of a month would count twice in it
        heads += [_("accounts that ordered"), _("accounts that paid")]
        names += ["ordering", "paying"]
    return Sheet(
        "accounts",
        _("Accounts by day") if question.is_by_day else _("Accounts by month"),
        [reckoning.place_name(question), *heads],
        [
            [reckoning.written(question, place), *(str(found[place][name]) for name in names)]
            for place in sorted(found, reverse=True)
        ],
    )


def cohorts(question: Question) -> Section:
    """Return what each month's newcomers did, month by month, up to the end of these days."""
    first = _months_back(question.span.until, _COHORTS)
    span = Span(first, question.span.until)
    told = selectors.told_until(Subject.COHORTS, span)
    currency = earning.currency_of(question)
    rows = _cohort_rows(question, span, currency)
    return Section(
        "cohorts",
        _("Cohorts"),
        sheets=[
            Sheet(
                "cohorts",
                _("What each month's new accounts did"),
                [
                    *(_("made in (month, UTC)"), _("months later"), _("accounts")),
                    *(_("accounts that ordered"), f"{_('ordered, of all')} (%)"),
                    *(_("accounts that paid"), f"{_('paid, of all')} (%)"),
                    *(_("credits used"), _("paid (%(currency)s)") % {"currency": currency or "-"}),
                ],
                rows,
                names=2,
            )
        ]
        if rows
        else [],
        as_of=told[1] if told else None,
        empty=_(
            "No account of the last twelve months has ordered or paid. Its month stands here "
            "within six hours of the first order."
        ),
    )


def _cohort_rows(question: Question, span: Span, currency: str) -> list[list[str]]:
    did, paid = (
        selectors.sums(
            Subject.COHORTS,
            span,
            is_sandbox=question.is_sandbox,
            by=["cohort", "month"],
            currency=one,
            cohort__gte=span.since,
        )
        for one in ("", currency)
    )
    sizes: dict[date, int] = {}
    made = selectors.sums(Subject.ACCOUNTS, span, is_sandbox=question.is_sandbox, by=["day"])
    for (day,), row in made.items():
        month = day.replace(day=1)
        sizes[month] = sizes.get(month, 0) + row["new"]
    newest_first = sorted(did, key=lambda one: (-one[0].toordinal(), one[1]))
    return [
        _cohort_row(
            (cohort, month),
            sizes.get(cohort, 0),
            did[cohort, month],
            money(paid.get((cohort, month), {}).get("paid_micros", 0), currency)["amount"],
        )
        for cohort, month in newest_first
    ]


def _cohort_row(key: tuple[date, date], size: int, did: Mapping[str, int], paid: str) -> list[str]:
    cohort, month = key
    return [
        f"{cohort:%Y-%m}",
        str((month.year - cohort.year) * 12 + month.month - cohort.month),
        *(str(size), str(did["ordering"]), percent(did["ordering"], size)),
        *(str(did["paying"]), percent(did["paying"], size)),
        *(format_micros(did["spent_micros"]), paid),
    ]


def _months_back(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 - months + 1
    return date(number // 12, number % 12 + 1, 1)


def _accounts(count: int) -> str:
    return _("1 account") if count == 1 else _("%(count)s accounts") % {"count": count}
