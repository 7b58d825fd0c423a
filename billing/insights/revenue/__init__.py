"""Deferred revenue: what was sold as credits, and when it was earned (ADR 58)."""

from billing.insights.revenue.months import (
    Line,
    Sums,
    history_of,
    lines_of,
    month_of,
    months_until,
    sums_of,
)

__all__ = ["Line", "Sums", "history_of", "lines_of", "month_of", "months_until", "sums_of"]
