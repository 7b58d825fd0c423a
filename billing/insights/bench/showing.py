"""How a bench's rows are written for people."""

from collections.abc import Iterator
from typing import Final

from billing.insights.bench.deeds import Toll
from billing.insights.bench.errands import Errand
from billing.insights.bench.figures import Case
from billing.insights.bench.lists import Page
from billing.insights.bench.memory import Weight
from billing.insights.bench.sizes import Bulk
from billing.insights.bench.streams import Arrivals

_SQL_SHOWN: Final = 300
_SLOW: Final = 10
_HEADS: Final = {
    Case: f"{'case':<56}{'a second':>10}{'slowest-fastest':>17}{'p50 ms':>9}{'p99 ms':>9}"
    f"{'CPU ms':>8}{'of limit':>10}{'goal':>7}{'wrong':>7}",
    Page: f"{'page':<52}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'queries':>9}",
    Arrivals: f"{'case':<24}{'p50 ms':>10}{'p95 ms':>10}{'last ms':>10}{'CPU ms a round':>16}",
    Errand: f"{'case':<44}{'sent':>8}{'a second':>10}{'p50 ms':>10}{'p99 ms':>10}{'last ms':>10}"
    f"{'lost':>7}",
    Toll: f"{'deed':<28}{'CPU ms':>12}{'database ms':>14}",
    Bulk: f"{'table':<28}{'rows':>12}{'MB':>10}{'bytes a row':>14}",
    Weight: f"{'process':<24}{'start MiB':>10}{'middle':>10}{'end':>10}{'most':>10}{'end PSS':>10}",
}


def head(row: object) -> str:
    """Return the head of a table of such rows; "" for what is told in sentences."""
    return next((said for kind, said in _HEADS.items() if isinstance(row, kind)), "")


def lines(row: object) -> Iterator[str]:
    """Yield the lines of one row; none of what is told in sentences."""
    match row:
        case Case():
            spread = f"{_rate(row.low)}-{_rate(row.high)}"
            ratio = "" if row.ratio is None else f"{row.ratio:.0%}"
            cpu = "" if row.cpu_ms is None else f"{row.cpu_ms:.2f}"
            goal = "" if row.goal is None else f"{row.goal:.0%}"
            yield (
                f"{row.name:<56}{_rate(row.per_second):>10}{spread:>17}{row.p50_ms:>9.2f}"
                f"{row.p99_ms:>9.2f}{cpu:>8}{ratio:>10}{goal:>7}{row.wrong:>7}"
            )
        case Page():
            yield (
                f"{row.name:<52}{row.p50_ms:>9.1f}{row.p95_ms:>9.1f}{row.cpu_ms:>9.1f}"
                f"{row.queries:>9}"
            )
            for slow in row.slow:
                if slow.whole:
                    whole = ", ".join(slow.whole)
                    said = f"    reads whole, in {slow.milliseconds:.0f} ms: {whole}: "
                    yield said + slow.sql[:_SQL_SHOWN]
        case Arrivals():
            yield (
                f"{row.name:<24}{row.p50_ms:>10.1f}{row.p95_ms:>10.1f}{row.last_ms:>10.1f}"
                f"{row.cpu_ms:>16.1f}"
            )
        case Errand():
            yield (
                f"{row.name:<44}{row.sent:>8,}{row.per_second:>10,.0f}{row.p50_ms:>10.1f}"
                f"{row.p99_ms:>10.1f}{row.last_ms:>10.1f}{row.lost:>7}"
            )
        case Toll():
            there = "?" if row.database_ms is None else f"{row.database_ms:.2f}"
            yield f"{row.name:<28}{row.own_ms:>12.2f}{there:>14}"
        case Bulk():
            yield (
                f"{row.table:<28}{row.rows:>12,}{row.total_bytes / 1e6:>10.1f}{row.row_bytes:>14,}"
            )
        case Weight():
            yield (
                f"{row.name:<24}{row.start:>10.0f}{row.warm:>10.0f}{row.end:>10.0f}"
                f"{row.most:>10.0f}{row.end_pss:>10.0f}"
            )


def _rate(per_second: float) -> str:
    """Return a rate; of a slow one its tenth counts."""
    return f"{per_second:,.0f}" if per_second >= _SLOW else f"{per_second:.1f}"
