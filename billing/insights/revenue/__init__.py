"""Deferred revenue: what was sold as credits, and when it was earned (ADR 58)."""

from billing.insights.revenue.months import (
    Line,
    Sums,
    deferred_at,
    history_of,
    lines_of,
    month_of,
    months_until,
    moved_in,
    sums_of,
)

__all__ = [
    "Line",
    "Sums",
    "deferred_at",
    "history_of",
    "lines_of",
    "month_of",
    "months_until",
    "moved_in",
    "sums_of",
]
