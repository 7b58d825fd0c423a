"""Deferred revenue: what was sold as credits, and when it was earned (ADR 58)."""

from billing.insights.revenue.months import Line, Sums, lines_of, month_of, sums_of

__all__ = ["Line", "Sums", "lines_of", "month_of", "sums_of"]
