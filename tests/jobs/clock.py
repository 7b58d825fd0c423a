"""Instants of tests that walk through hours and days."""

from datetime import UTC, datetime, timedelta


def now_plus(**more: float) -> datetime:
    """Return the real instant, and so much later."""
    return datetime.now(UTC) + timedelta(**more)
