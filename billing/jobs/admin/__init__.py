"""Operators' windows on jobs, on what lies around them, and on the backends that make them."""

from billing.jobs.admin import backends, jobs, rows

__all__ = ["backends", "jobs", "rows"]
