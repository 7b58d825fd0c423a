"""A simulation in words and bars: for a terminal, and for a program."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from django.utils.translation import gettext as _

from billing.insights.simulate import Money, Report, Row, Side
from plans.credits import MICROS, format_micros

_CENT: Final = 10_000  # micros of money
_BAR: Final = 40  # characters of the longest bar
_COLUMN: Final = 22
_NAME: Final = 28


def lines(report: Report) -> Iterator[str]:
    """Yield the report line by line: in all, by model, by plan, who pays more, the unpriced."""
    yield _("%(jobs)s jobs since %(since)s") % {
        "jobs": report.total.jobs,
        "since": report.since.isoformat(timespec="seconds"),
    }
    yield _head()
    yield from _row(_("all"), report.total)
    for title, rows in ((_("by model"), report.models), (_("by plan"), report.plans)):
        yield ""
        yield title
        for name, row in sorted(rows.items()):
            yield from _row(name or "-", row)
    yield ""
    yield _("Accounts: %(dearer)s pay more, %(cheaper)s pay less, %(same)s the same.") % {
        "dearer": report.dearer,
        "cheaper": report.cheaper,
        "same": report.same,
    }
    for reason, count in sorted(report.unpriced.items()):
        yield _("Unpriced: %(count)s jobs: %(reason)s.") % {"count": count, "reason": reason}
    yield ""
    yield from bars(report)


def bars(report: Report) -> Iterator[str]:
    """Yield two bars for each model, before and after: revenue, or credits without one."""
    currency = currency_of(report)
    shown = {name: measure(row, currency) for name, row in sorted(report.models.items())}
    longest = max((max(pair) for pair in shown.values()), default=Fraction(0))
    if longest <= 0:
        return
    yield measured(currency)
    for name, (old, new) in shown.items():
        yield f"{name[:_NAME]:<{_NAME}} {_bar(old, longest, '░')}"
        yield f"{'':<{_NAME}} {_bar(new, longest, '█')}"


def measured(currency: str | None) -> str:
    """Return in words what bars show: revenue in that currency, or credits for None."""
    return _("revenue, %(currency)s") % {"currency": currency} if currency else _("credits")


def measure(row: Row, currency: str | None) -> tuple[Fraction, Fraction]:
    """Return what bars show of a row, before and after: revenue, or credits for None."""
    if currency is None:
        return Fraction(row.old.credits_micros, MICROS), Fraction(row.new.credits_micros, MICROS)
    nothing = Fraction(0)
    return (
        row.old.revenue.get(currency, nothing) / MICROS,
        row.new.revenue.get(currency, nothing) / MICROS,
    )


def currency_of(report: Report) -> str | None:
    """Return the one currency of all revenue; None: there are several, or not all is known."""
    old, new = report.total.old, report.total.new
    known = old.revenue.keys() | new.revenue.keys()
    if len(known) != 1 or old.unvalued_micros or new.unvalued_micros:
        return None
    return next(iter(known))


def document(report: Report) -> dict[str, Any]:
    """Return the report for a program: amounts are decimal strings, what is unknown is null."""
    return {
        "since": report.since.isoformat(),
        "total": _written(report.total),
        "models": {name: _written(row) for name, row in sorted(report.models.items())},
        "plans": {name: _written(row) for name, row in sorted(report.plans.items())},
        "accounts": {"more": report.dearer, "less": report.cheaper, "same": report.same},
        "unpriced": dict(sorted(report.unpriced.items())),
    }


def money_text(micros: Fraction) -> str:
    """Return an amount of money to the cent, half to even."""
    cents = round(micros / _CENT)
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}"


def _head() -> str:
    names = (_("jobs"), _("credits"), _("revenue"), _("margin"))
    return f"{'':<{_NAME}}" + "".join(f"{name:>{_COLUMN}}" for name in names)


def _row(name: str, row: Row) -> Iterator[str]:
    """Yield three lines: what was, what would be, and the difference."""
    yield _line(name, str(row.jobs), row.old, row.jobs)
    yield _line(f"  {_('new')}", "", row.new, row.jobs)
    changed = f"  {_('change')}"
    was = Fraction(row.old.credits_micros)
    yield (
        f"{changed:<{_NAME}}{'':>{_COLUMN}}"
        f"{_delta(row.new.credits_micros - was, was):>{_COLUMN}}"
        f"{_money_delta(row.old.revenue, row.new.revenue):>{_COLUMN}}"
        f"{_margin_delta(row):>{_COLUMN}}"
    )


def _line(name: str, jobs: str, side: Side, count: int) -> str:
    return (
        f"{name[:_NAME]:<{_NAME}}{jobs:>{_COLUMN}}"
        f"{format_micros(side.credits_micros):>{_COLUMN}}"
        f"{_revenue(side):>{_COLUMN}}{_margin(side, count):>{_COLUMN}}"
    )


def _revenue(side: Side) -> str:
    said = _spoken(side.revenue)
    if side.unvalued_micros:
        return f"{said} + ?" if side.revenue else _("unknown")
    return said


def _margin(side: Side, count: int) -> str:
    if not side.margin_jobs:
        return _("unknown")
    said = _spoken(side.margin)
    return said if side.margin_jobs == count else f"{said} ({side.margin_jobs}/{count})"


def _spoken(amounts: Mapping[str, Fraction]) -> str:
    return " + ".join(f"{money_text(m)} {c}" for c, m in sorted(amounts.items())) or "0"


def _delta(change: Fraction, base: Fraction) -> str:
    whole = round(change)
    said = f"{'-' if whole < 0 else '+'}{format_micros(abs(whole))}"
    return said if not base else f"{said} ({_percent(change, base)})"


def _percent(change: Fraction, base: Fraction) -> str:
    tenths = round(change * 1000 / base)
    sign = "-" if tenths < 0 else "+"
    return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}%"


def _money_delta(old: Money, new: Money) -> str:
    said = []
    for currency in sorted(old.keys() | new.keys()):
        base = old.get(currency, Fraction(0))
        change = new.get(currency, Fraction(0)) - base
        sign = "" if change < 0 else "+"
        share = f" ({_percent(change, abs(base))})" if base else ""
        said.append(f"{sign}{money_text(change)}{share}")
    return " ".join(said) or "0"


def _margin_delta(row: Row) -> str:
    """Return how the margin changes, where both are known of all jobs."""
    if row.old.margin_jobs == row.new.margin_jobs == row.jobs:
        return _money_delta(row.old.margin, row.new.margin)
    return _("unknown")


def _bar(amount: Fraction, longest: Fraction, sign: str) -> str:
    length = round(amount * _BAR / longest)
    return f"{sign * length} {money_text(amount * MICROS)}"


def _written(row: Row) -> dict[str, Any]:
    return {"jobs": row.jobs, "old": _side(row.old, row.jobs), "new": _side(row.new, row.jobs)}


def _side(side: Side, count: int) -> dict[str, Any]:
    known = {currency: money_text(micros) for currency, micros in sorted(side.margin.items())}
    return {
        "credits": format_micros(side.credits_micros),
        "revenue": {c: money_text(micros) for c, micros in sorted(side.revenue.items())},
        "credits_of_unknown_worth": format_micros(side.unvalued_micros),
        "margin": known if side.margin_jobs else None,
        "jobs_of_unknown_margin": count - side.margin_jobs,
    }
