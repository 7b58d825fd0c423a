"""A result as tables: for the page, and as the file of what is seen there."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from billing.console.lab.edge import in_zone
from billing.insights.tables import money_text
from plans.credits import format_micros

Result = Mapping[str, Any]


def blocks(result: Result) -> list[dict[str, Any]]:
    """Return the tables of sums, each with its heading and rows, today's beside the draft's."""
    headings = (
        ("total", _("In all")),
        ("models", _("By model")),
        ("modes", _("By mode")),
        ("plans", _("By plan")),
    )
    return [
        {"key": key, "title": title, "rows": _rows(result, key)}
        for key, title in headings
        if key == "total" or result[key]
    ]


def _rows(result: Result, key: str) -> list[dict[str, str]]:
    if key == "total":
        return [_row(_("all jobs"), result["total"])]
    return [_row(name, row) for name, row in result[key].items()]


def _row(name: str, row: Result) -> dict[str, str]:
    old, new, jobs = row["old"], row["new"], row["jobs"]
    return {
        "name": name,
        "jobs": str(jobs),
        "credits_old": format_micros(old["credits_micros"]),
        "credits_new": format_micros(new["credits_micros"]),
        "credits_change": _change(old["credits_micros"], new["credits_micros"]),
        "credits_more": format_micros(new["credits_micros"] - old["credits_micros"]),
        "revenue_old": _revenue(old),
        "revenue_new": _revenue(new),
        "margin_old": _margin(old, jobs),
        "margin_new": _margin(new, jobs),
    }


def movers(side: Result) -> list[dict[str, str]]:
    """Return the accounts that pay most more, or most less."""
    return [
        {
            "account": one["account"],
            "old": format_micros(one["old_micros"]),
            "new": format_micros(one["new_micros"]),
            "change": _change(one["old_micros"], one["new_micros"]),
            "more": format_micros(one["new_micros"] - one["old_micros"]),
        }
        for one in side["most"]
    ]


def dry(result: Result, zone: str) -> list[dict[str, str]]:
    """Return the free accounts that run dry sooner, the most days first."""
    return [
        {
            "account": one["account"],
            "old": _instant(one["old_at"], zone),
            "new": _instant(one["new_at"], zone),
            "days": str(one["days"]),
            "orders": str(one["orders"]),
        }
        for one in result["dry"]["most"]
    ]


def lost(result: Result) -> list[dict[str, str]]:
    """Return the orders that the draft does not take, with why and what they bring today."""
    reasons = (
        ("unpriced", _("no price for some orders of %(what)s")),
        ("refused", _("not allowed any more: %(what)s")),
    )
    return [
        {
            "reason": said % {"what": what},
            "jobs": str(one["jobs"]),
            "credits": format_micros(one["credits_micros"]),
        }
        for key, said in reasons
        for what, one in result[key].items()
    ]


def records(result: Result, zone: str, *, named: bool) -> Iterator[list[str]]:
    """Yield what the page shows as the lines of one table; changes are plain numbers there.

    Args:
        named: with the accounts; else only how many they are.
    """
    yield ["table", "name", "jobs", "today", "draft", "change", "unit"]
    for block in blocks(result):
        for row in block["rows"]:
            head = [block["key"], row["name"], row["jobs"]]
            more = row["credits_more"]
            yield [*head, row["credits_old"], row["credits_new"], more, "credits"]
            yield [*head, row["revenue_old"], row["revenue_new"], "", "revenue"]
            yield [*head, row["margin_old"], row["margin_new"], "", "margin"]
    for one in lost(result):
        yield ["lost", one["reason"], one["jobs"], one["credits"], "", "", "credits"]
    for key in ("more", "less"):
        yield [key, "", str(result[key]["count"]), "", format_micros(result[key]["micros"]), "", ""]
        for mover in movers(result[key]) if named else ():
            cells = [mover["old"], mover["new"], mover["more"]]
            yield [key, mover["account"], "", *cells, "credits"]
    for key in ("looked_at", "newly", "sooner", "later"):
        yield ["dry", key, str(result["dry"][key]), "", "", "", "accounts"]
    for account in dry(result, zone) if named else ():
        cells = [account["old"], account["new"], account["days"], "days sooner"]
        yield ["dry", account["account"], account["orders"], *cells]


def _instant(said: str | None, zone: str) -> str:
    return in_zone(datetime.fromisoformat(said), zone) if said else _("not at all")


def _change(old: int, new: int) -> str:
    change = new - old
    sign = "-" if change < 0 else "+"
    said = f"{sign}{format_micros(abs(change))}" if change else "0"
    if not old or not change:
        return said
    tenths = round(Fraction(abs(change) * 1000, old))
    return f"{said} ({sign}{tenths // 10}.{tenths % 10}%)"


def _revenue(side: Result) -> str:
    known = _money(side["revenue_micros"])
    if side["unvalued_micros"]:
        return f"{known} + ?" if side["revenue_micros"] else _("unknown")
    return known


def _margin(side: Result, jobs: int) -> str:
    if not side["margin_jobs"]:
        return _("unknown")
    known = _money(side["margin_micros"])
    return known if side["margin_jobs"] == jobs else f"{known} ({side['margin_jobs']}/{jobs})"


def _money(amounts: Mapping[str, int]) -> str:
    said = (f"{money_text(Fraction(micros))} {name}" for name, micros in amounts.items())
    return " + ".join(said) or "0"
