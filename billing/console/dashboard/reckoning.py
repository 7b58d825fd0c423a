"""Sums of credits and money, as the sections need them."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from billing.console.dashboard.asking import Question
from billing.rollups import selectors
from billing.rollups.flows import Flow, flow_of
from billing.rollups.selectors import Sums
from billing.rollups.subjects import Span, Subject
from plans.credits import MICROS, format_micros

By = dict[Any, dict[Flow, int]]


def flows(question: Question, span: Span, *, by: str = "", free_only: bool = False) -> By:
    """Return how many credits went which way, in micros.

    Args:
        by: "day" (its place in charts and tables), "source", or "" (all under None).
        free_only: only credits on which no money lies.
    """
    keys = ([by] if by else []) + ["kind", "cause_type", "is_bought"]
    rows = selectors.sums(Subject.CREDITS, span, is_sandbox=question.is_sandbox, by=keys)
    found: By = defaultdict(lambda: dict.fromkeys(Flow, 0))
    for (*name, kind, cause, is_bought), sums in rows.items():
        flow = flow_of(kind, cause, is_bought=is_bought)
        if flow is None or (free_only and is_bought):
            continue
        place = name[0] if name else None
        place = question.bucket(place) if isinstance(place, date) else place
        found[place][flow] += sums["amount_micros"]
    return found


def total(rows: Sums, name: str) -> int:
    """Return one sum over all rows."""
    return sum(row[name] for row in rows.values())


def by_bucket(question: Question, rows: Sums, place: int = 0) -> dict[date, dict[str, int]]:
    """Return rows whose key has a day as sums by its place in charts and tables."""
    found: dict[date, dict[str, int]] = {}
    for key, sums in rows.items():
        bucket = found.setdefault(question.bucket(key[place]), dict.fromkeys(sums, 0))
        for name, number in sums.items():
            bucket[name] += number
    return found


def column(
    rows: Mapping[date, Mapping[Any, int]], places: Sequence[date], name: Hashable
) -> list[float]:
    """Return heights on paper, in whole credits or units of money: some digits may be lost."""
    return [rows[place][name] / MICROS if place in rows else 0 for place in places]


def counts(
    rows: Mapping[date, Mapping[str, int]], places: Sequence[date], name: str
) -> list[float]:
    """Return heights on paper of what is counted."""
    return [float(rows[place][name]) if place in rows else 0 for place in places]


def labels(question: Question, places: Iterable[date]) -> list[str]:
    """Return how places are called: "11-27", or a month "2026-11"."""
    return [place.strftime("%m-%d" if question.is_by_day else "%Y-%m") for place in places]


def written(question: Question, place: date) -> str:
    """Return a place as tables and files name it: "2026-11-27" or "2026-11"."""
    return place.isoformat() if question.is_by_day else place.strftime("%Y-%m")


def in_credits(micros: int) -> str:
    """Return credits with their unit."""
    return _("%(credits)s credits") % {"credits": format_micros(micros)}


def place_name(question: Question) -> str:
    """Return the head of the column of places."""
    return _("day (UTC)") if question.is_by_day else _("month (UTC)")
