"""Draws what models and plans bring today, beside what they would bring by a draft."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from django.utils.translation import gettext as _

from billing.insights.picture import bars
from plans.credits import MICROS

_MODELS_MAX: Final = 20  # more bars than that nobody compares


def chart(result: Mapping[str, Any]) -> str:
    """Return an SVG without a script: two bars of credits for each model and plan."""
    named = list(_named(result))
    return bars(_("Credits on the same jobs, today and by the draft"), named)


def _named(result: Mapping[str, Any]) -> Iterator[tuple[str, Fraction, Fraction]]:
    rows = sorted(result["models"].items(), key=lambda one: -one[1]["old"]["credits_micros"])
    for name, row in rows[:_MODELS_MAX]:
        yield name, *_pair(row)
    for name, row in list(result["plans"].items())[:_MODELS_MAX]:
        yield _("plan %(plan)s") % {"plan": name}, *_pair(row)


def _pair(row: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    return (
        Fraction(row["old"]["credits_micros"], MICROS),
        Fraction(row["new"]["credits_micros"], MICROS),
    )
