"""Sections on credits: all of them, and how fast the free ones burn."""

from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _

from billing.console.dashboard import charts, reckoning
from billing.console.dashboard.asking import Question
from billing.console.dashboard.parts import Section, Sheet, Tile, change, share
from billing.console.dashboard.reckoning import By, in_credits
from billing.rollups import selectors
from billing.rollups.flows import Flow
from billing.rollups.subjects import Subject
from plans.credits import format_micros

_SHOWN = (Flow.SOLD, Flow.FREE, Flow.USED, Flow.EXPIRED, Flow.REFUNDED)
_BURNT = (Flow.FREE, Flow.USED, Flow.EXPIRED)


def credits_(question: Question) -> Section:
    """Return what came, what went and why."""
    now, before = (reckoning.flows(question, s) for s in (question.span, question.span.before))
    told = selectors.told_until(Subject.CREDITS, question.span)
    if not now:
        return Section(
            "credits",
            _("Credits"),
            as_of=told[1] if told else None,
            empty=_(
                "No credits moved in these days. Grants, captures and ends stand here within "
                "five minutes."
            ),
        )
    by_place = reckoning.flows(question, question.span, by="day")
    return Section(
        "credits",
        _("Credits"),
        tiles=[_tile(flow, now, before) for flow in _SHOWN],
        chart=_lines(question, by_place, _SHOWN, name_of),
        chart_says=_("Credits a day, or a month: sold, given free, used, expired, refunded."),
        sheets=[
            _by_place(question, "credits-by-day", by_place, _EVERY, name_of),
            _by_source(
                "credits-by-source", reckoning.flows(question, question.span, by="source"), _EVERY
            ),
        ],
        as_of=told[1] if told else None,
    )


def free(question: Question) -> Section:
    """Return how fast credits burn on which no money lies."""
    span = question.span
    now, before = (reckoning.flows(question, one, free_only=True) for one in (span, span.before))
    told = selectors.told_until(Subject.CREDITS, span)
    title = _("Free credits")
    if not now:
        return Section(
            "free",
            title,
            as_of=told[1] if told else None,
            empty=_(
                "No free credits were given or used in these days: check-ins, campaigns and "
                "gifts stand here."
            ),
        )
    sums = now[None]
    burn = Tile(
        _("burnt"),
        share(sums[Flow.USED], sums[Flow.FREE]),
        _(
            "Free credits used in these days, as a share of those given in them. Beyond "
            "the whole, older ones were used, too."
        ),
    )
    by_place = reckoning.flows(question, span, by="day", free_only=True)
    by_source = reckoning.flows(question, span, by="source", free_only=True)
    return Section(
        "free",
        title,
        tiles=[*(_tile(flow, now, before, free_name_of) for flow in _BURNT), burn],
        chart=_lines(question, by_place, _BURNT, free_name_of),
        chart_says=_("Free credits a day, or a month: given, used, expired."),
        sheets=[
            _by_place(question, "free-by-day", by_place, _BURNT, free_name_of),
            _by_source("free-by-source", by_source, _BURNT, free_name_of),
        ],
        as_of=told[1] if told else None,
    )


def name_of(flow: Flow) -> str:
    """Return what a flow of credits is called."""
    return {
        Flow.SOLD: _("sold"),
        Flow.FREE: _("granted free"),
        Flow.USED: _("used"),
        Flow.EXPIRED: _("expired"),
        Flow.REFUNDED: _("refunded"),
        Flow.TAKEN: _("taken back"),
        Flow.MOVED: _("moved on"),
    }[flow]


def free_name_of(flow: Flow) -> str:
    """Return what a flow of free credits is called."""
    names = {Flow.FREE: _("granted"), Flow.USED: _("used"), Flow.EXPIRED: _("expired")}
    return names[flow]


def meaning_of(flow: Flow) -> str:
    """Return what exactly a flow counts."""
    return {
        Flow.SOLD: _(
            "Credits of packs that were paid, the bonus with them, and of paid plans' windows, "
            "on the day on which they began to count."
        ),
        Flow.FREE: _(
            "Credits that nobody paid for: allowances of free plans, check-ins, campaigns, "
            "codes, gifts, compensation."
        ),
        Flow.USED: _(
            "Credits that jobs took at their success, or that paid a debt. What is only set "
            "aside is not in it."
        ),
        Flow.EXPIRED: _("Credits whose time was over before they were used."),
        Flow.REFUNDED: _("Credits that were taken back because money went back or was contested."),
    }[flow]


_EVERY = tuple(Flow)
_Names = Callable[[Flow], str]


def _tile(flow: Flow, now: By, before: By, name: _Names = name_of) -> Tile:
    micros = now[None][flow]
    return Tile(
        name(flow), in_credits(micros), meaning_of(flow), change(micros, before[None][flow])
    )


def _lines(question: Question, rows: By, shown: Sequence[Flow], name: _Names) -> str:
    places = question.buckets()
    series = {name(flow): reckoning.column(rows, places, flow) for flow in shown}
    return charts.lines(reckoning.labels(question, places), series)


def _by_place(
    question: Question, code: str, rows: By, shown: Sequence[Flow], name: _Names
) -> Sheet:
    return Sheet(
        code,
        _("Credits by day") if question.is_by_day else _("Credits by month"),
        [reckoning.place_name(question), *(_headed(flow, name) for flow in shown)],
        [
            [
                reckoning.written(question, place),
                *(format_micros(rows[place][flow]) for flow in shown),
            ]
            for place in reversed(question.buckets())
            if place in rows
        ],
    )


def _by_source(code: str, rows: By, shown: Sequence[Flow], name: _Names = name_of) -> Sheet:
    return Sheet(
        code,
        _("Credits by source"),
        [_("source"), *(_headed(flow, name) for flow in shown)],
        [
            [str(source), *(format_micros(sums[flow]) for flow in shown)]
            for source, sums in sorted(rows.items())
        ],
    )


def _headed(flow: Flow, name: _Names) -> str:
    return _("%(what)s (credits)") % {"what": name(flow)}
