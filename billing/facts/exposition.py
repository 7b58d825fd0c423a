"""Tells how things stand as Prometheus reads it; however often it is asked, it looks seldom."""

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import structlog
from django.db import Error, connection
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from billing.facts import reading
from billing.facts.reading import FACTS, Figure

# For so long an answer is good: two who ask at once do not make the database answer twice.
KEPT_SECONDS: Final = 10.0
_UP: Final = "linggan_facts_up"
_TOOK: Final = "linggan_facts_seconds"
_log = structlog.get_logger(__name__)


class Facts(Collector):
    """What is known of the database, as it was a moment ago."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._known: list[Metric] = []
        self._good_until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Return nothing: whoever registers this does not make the database answer."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every figure; without a database, only that there is none."""
        with self._turn:
            if time.monotonic() >= self._good_until:
                self._known = list(_look())
                self._good_until = time.monotonic() + KEPT_SECONDS
            known = self._known
        yield from known


def facts() -> CollectorRegistry:
    """Return what is told at /facts."""
    return _REGISTRY


def families(figures: Iterable[Figure]) -> Iterator[Metric]:
    """Yield the figures as Prometheus has them: by their names, with their sentences."""
    made: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
        fact.name: (CounterMetricFamily if fact.is_count else GaugeMetricFamily)(
            fact.name, fact.says, labels=fact.labels
        )
        for fact in FACTS
    }
    for name, labels, value in figures:
        made[name].add_metric(list(labels), value)
    yield from made.values()


def _look() -> Iterator[Metric]:
    began = time.monotonic()
    try:
        yield from families(list(reading.figures(now=datetime.now(UTC))))  # noqa: TID251 (an edge: whoever asks has no clock)
        yield GaugeMetricFamily(_UP, "1: the database answered.", value=1)
    except Error as trouble:
        _log.info("facts_not_read", problem=type(trouble).__name__)
        yield GaugeMetricFamily(_UP, "1: the database answered.", value=0)
    finally:
        connection.close()  # the thread of a scrape ends, and would leave it open
    took = time.monotonic() - began
    yield GaugeMetricFamily(_TOOK, "How long looking took.", value=took)


_REGISTRY: Final = CollectorRegistry()
_REGISTRY.register(Facts())
