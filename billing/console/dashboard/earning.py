"""Sections on money: what was sold and earned, and what is left of it after what jobs cost."""

from collections.abc import Mapping
from datetime import date, timedelta

from django.utils.translation import gettext as _

from billing.console.dashboard import charts, reckoning
from billing.console.dashboard.asking import Question
from billing.console.dashboard.parts import Section, Sheet, Tile, change, percent, share
from billing.http.admin import in_currency
from billing.rollups import selectors
from billing.rollups.selectors import Sums
from billing.rollups.subjects import Span, Subject
from plans.credits import MICROS
from plans.shapes import money as written_money

_NOTHING: Mapping[str, int] = {
    "sold_micros": 0,
    "returned_micros": 0,
    "used_micros": 0,
    "lapsed_micros": 0,
    "deferred_micros": 0,
}


def currencies(question: Question) -> list[str]:
    """Return the currencies of these days: the one in which most was sold first."""
    sold = selectors.sums(
        Subject.MONEY, question.span, is_sandbox=question.is_sandbox, by=["currency"]
    )
    other = selectors.sums(
        Subject.MARGINS, question.span, is_sandbox=question.is_sandbox, by=["currency"]
    )
    names = {key[0] for key in (*sold, *other) if key[0]}
    return sorted(names, key=lambda name: (-sold.get((name,), _NOTHING)["sold_micros"], name))


def currency_of(question: Question) -> str:
    """Return the currency that is told of: what was asked for, or that of most sales."""
    return question.currency or next(iter(currencies(question)), "")


def money(question: Question) -> Section:
    """Return what was sold, refunded and recognised, and what is deferred, in one currency."""
    currency = currency_of(question)
    rows = _days(question, question.span, currency)
    told = selectors.told_until(Subject.MONEY, question.span)
    as_of = told[1] if told else None
    title = _("Money")
    if not rows or told is None:
        return Section(
            "money",
            title,
            as_of=as_of,
            empty=_(
                "No purchase was touched in these days. What is paid stands here within an hour, "
                "until its credits are used or gone."
            ),
        )
    before = _days(question, question.span.before, currency)
    return Section(
        "money",
        title,
        tiles=[
            *(_tile(name, rows, before, currency) for name in ("sold_micros", "returned_micros")),
            _recognised(rows, before, currency),
            _deferred(question, told[0], currency),
        ],
        chart=_chart(question, rows),
        chart_says=_("Money a day, or a month: sold, refunded, recognised."),
        sheets=[_by_place(question, rows, currency)],
        as_of=as_of,
    )


def _days(question: Question, span: Span, currency: str) -> dict[date, dict[str, int]]:
    rows = selectors.sums(
        Subject.MONEY, span, is_sandbox=question.is_sandbox, by=["day"], currency=currency
    )
    return {key[0]: row for key, row in rows.items()}


def _in_all(rows: Mapping[date, Mapping[str, int]], *names: str) -> int:
    return sum(row[name] for row in rows.values() for name in names)


def _tile(
    name: str,
    rows: Mapping[date, Mapping[str, int]],
    before: Mapping[date, Mapping[str, int]],
    currency: str,
) -> Tile:
    title, means = {
        "sold_micros": (_("sold"), _("What was paid in these days, for packs, plans and top-ups.")),
        "returned_micros": (
            _("refunded"),
            _("What was refunded, or contested and not won; below zero it came back."),
        ),
    }[name]
    micros = _in_all(rows, name)
    return Tile(title, in_currency(micros, currency), means, change(micros, _in_all(before, name)))


def _recognised(
    rows: Mapping[date, Mapping[str, int]], before: Mapping[date, Mapping[str, int]], currency: str
) -> Tile:
    earned = ("used_micros", "lapsed_micros")
    micros = _in_all(rows, *earned)
    return Tile(
        _("recognised"),
        in_currency(micros, currency),
        _(
            "Revenue that was earned: credits that were paid for were used, or can never be used "
            "any more."
        ),
        change(micros, _in_all(before, *earned)),
    )


def _deferred(question: Question, last: date, currency: str) -> Tile:
    """Return what is owed at the end of the last day that was added up."""

    def owed(day: date) -> int:
        one = Span(day, day + timedelta(days=1))
        return _in_all(_days(question, one, currency), "deferred_micros")

    micros = owed(last)
    return Tile(
        _("deferred"),
        in_currency(micros, currency),
        _("What was paid for and is still owed as credits, at the end of %(day)s.")
        % {"day": last.isoformat()},
        change(micros, owed(last - timedelta(days=question.span.days))),
    )


def _chart(question: Question, rows: Mapping[date, Mapping[str, int]]) -> str:
    places = question.buckets()
    found = _by_bucket(question, rows)
    series = {
        _("sold"): reckoning.column(found, places, "sold_micros"),
        _("refunded"): reckoning.column(found, places, "returned_micros"),
        _("recognised"): reckoning.column(found, places, "earned_micros"),
    }
    return charts.lines(reckoning.labels(question, places), series)


def _by_bucket(
    question: Question, rows: Mapping[date, Mapping[str, int]]
) -> dict[date, dict[str, int]]:
    """Return sums by place; what is deferred is that of its last day."""
    found: dict[date, dict[str, int]] = {}
    for day, row in sorted(rows.items()):
        bucket = found.setdefault(question.bucket(day), {**_NOTHING, "earned_micros": 0})
        for name, micros in row.items():
            bucket[name] += micros
        bucket["earned_micros"] += row["used_micros"] + row["lapsed_micros"]
        bucket["deferred_micros"] = row["deferred_micros"]
    return found


def _by_place(question: Question, rows: Mapping[date, Mapping[str, int]], currency: str) -> Sheet:
    heads = [
        _("sold"),
        _("refunded"),
        _("earned by use"),
        _("earned by expiry"),
        _("deferred at its end"),
    ]
    names = ("sold_micros", "returned_micros", "used_micros", "lapsed_micros", "deferred_micros")
    found = _by_bucket(question, rows)
    return Sheet(
        "money",
        _("Money by day") if question.is_by_day else _("Money by month"),
        [reckoning.place_name(question), *(f"{head} ({currency})" for head in heads)],
        [
            [
                reckoning.written(question, place),
                *(_amount(found[place][name], currency) for name in names),
            ]
            for place in sorted(found, reverse=True)
        ],
    )


def margins(question: Question) -> Section:
    """Return what jobs brought and cost, and what is left, in one currency."""
    currency = currency_of(question)
    told = selectors.told_until(Subject.MARGINS, question.span)
    by_model = _margins(question, question.span, "model", currency)
    title = _("Margin")
    if not by_model:
        return Section(
            "margins",
            title,
            as_of=told[1] if told else None,
            empty=_(
                "No job of these days has ended. What jobs brought and cost stands here within "
                "an hour of their end."
            ),
        )
    return Section(
        "margins",
        title,
        tiles=_margin_tiles(
            by_model, _margins(question, question.span.before, "model", currency), currency
        ),
        chart=_margin_chart(by_model),
        chart_says=_("Revenue, cost and margin by model."),
        sheets=[
            _margin_sheet("margin-by-model", _("Margin by model"), _("model"), by_model, currency),
            *(
                _margin_sheet(
                    code, title, head, _margins(question, question.span, key, currency), currency
                )
                for code, title, head, key in (
                    ("margin-by-mode", _("Margin by mode"), _("mode"), "mode"),
                    ("margin-by-plan", _("Margin by plan"), _("plan"), "plan"),
                )
            ),
        ],
        as_of=told[1] if told else None,
    )


def _margins(question: Question, span: Span, key: str, currency: str) -> Sums:
    """Return by a key the sums of one currency, and of how many jobs they tell."""
    return selectors.sums(
        Subject.MARGINS, span, is_sandbox=question.is_sandbox, by=[key], currency__in=["", currency]
    )


def _margin_tiles(now: Sums, before: Sums, currency: str) -> list[Tile]:
    def tile(title: str, name: str, means: str) -> Tile:
        micros = reckoning.total(now, name)
        return Tile(
            title,
            in_currency(micros, currency) if currency else "-",
            means,
            change(micros, reckoning.total(before, name)),
        )

    known, jobs = (reckoning.total(now, name) for name in ("known_jobs", "jobs"))
    return [
        tile(
            _("revenue"),
            "revenue_micros",
            _(
                "What the credits that these jobs took had cost their buyers; free ones by the "
                "catalog's worth of a credit, if it says one."
            ),
        ),
        tile(
            _("cost"),
            "cost_micros",
            _(
                "What backends reported or the catalog's cost sheet says, of the jobs of which "
                "that is known."
            ),
        ),
        tile(
            _("margin"),
            "left_micros",
            _("Revenue less cost, of the jobs of which both are known in one currency."),
        ),
        Tile(
            _("known"),
            share(known, jobs),
            _(
                "Of the jobs that have ended, those whose margin is known. Without `costs` of "
                "backends it is none."
            ),
        ),
    ]


def _margin_chart(rows: Sums) -> str:
    names = sorted(rows)
    series = {
        title: [rows[name][key] / MICROS for name in names]
        for title, key in ((_("cost"), "cost_micros"), (_("margin"), "left_micros"))
    }
    return charts.stacks([str(name[0]) for name in names], series)


def _margin_sheet(code: str, title: str, head: str, rows: Sums, currency: str) -> Sheet:
    said = currency or "-"
    return Sheet(
        code,
        title,
        [
            head,
            *(f"{name} ({said})" for name in (_("revenue"), _("cost"), _("margin"))),
            *(f"{_('margin, of the revenue')} (%)", _("jobs"), _("jobs with a margin")),
        ],
        [
            [
                str(key[0]),
                *(
                    _amount(row[name], currency)
                    for name in ("revenue_micros", "cost_micros", "left_micros")
                ),
                percent(row["left_micros"], row["revenue_micros"]),
                *(str(row["jobs"]), str(row["known_jobs"])),
            ]
            for key, row in sorted(rows.items())
        ],
    )


def _amount(micros: int, currency: str) -> str:
    return written_money(micros, currency)["amount"]
