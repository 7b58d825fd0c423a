"""Has a process say what it does, to whoever the environment names: Prometheus, a collector."""

import os
from importlib import import_module

from django.conf import settings
from django.utils.module_loading import import_string

from billing.telemetry import scraping

_COLLECTORS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def begin(role: str) -> None:
    """Tell counts where METRICS_LISTEN says, and traces where OTEL_… says; else do nothing.

    Called where the process works, after every fork.

    Args:
        role: what the process is: web, events or worker.
    """
    if any(os.environ.get(name) for name in _COLLECTORS):
        # What only a collector needs is not even loaded without one.
        import_module("billing.telemetry.otlp").begin(role)
    if settings.METRICS_LISTEN is not None:
        # By name: Celery reads its application before Django knows its models.
        facts = import_string("billing.facts.exposition.facts")
        scraping.serve(settings.METRICS_LISTEN, facts)
