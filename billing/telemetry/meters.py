"""What each process counts of itself, for Prometheus to fetch.

A label is a word of ours or of the setting BACKENDS, never an id and never what a caller chose:
each combination is a series that is kept for ever. Where PROMETHEUS_MULTIPROC_DIR is set the counts
lie in files of that folder, by which whoever is asked adds up those of its brothers, too.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER: Final = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
_OF_ONE_LIFE: Final = re.compile(r"gauge_live\w+_(\d+)\.db")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TASK_BUCKETS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0)
_JOB_BUCKETS: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)


def forget_the_dead(folder: str, *, also: int = 0) -> None:
    """Throw away what was true of a process only while it lived.

    What it has counted stays: a counter that went down would look like a restart of everything.

    Args:
        also: a process that lives, and whose number a former one had.
    """
    for file in Path(folder).glob("gauge_live*.db"):
        named = _OF_ONE_LIFE.fullmatch(file.name)
        if named and (int(named[1]) == also or not Path("/proc", named[1]).exists()):
            file.unlink(missing_ok=True)


if FOLDER:
    Path(FOLDER).mkdir(parents=True, exist_ok=True)
    forget_the_dead(FOLDER, also=os.getpid())

REGISTRY: Final = CollectorRegistry()

REQUESTS: Final = Counter(
    "linggan_requests",
    "Requests that were answered.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS: Final = Histogram(
    "linggan_request_seconds",
    "How long a request took.",
    ["route"],
    buckets=_REQUEST_BUCKETS,
    registry=REGISTRY,
)
IN_FLIGHT: Final = Gauge(
    "linggan_requests_in_flight",
    "Requests that are being answered.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
REFUSALS: Final = Counter(
    "linggan_refusals", "Refusals, by the code that callers see.", ["code"], registry=REGISTRY
)
LISTENERS: Final = Gauge(
    "linggan_event_listeners",
    "Open streams of events.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
TASKS: Final = Counter(
    "linggan_tasks", "Tasks that workers ran.", ["task", "outcome"], registry=REGISTRY
)
TASK_SECONDS: Final = Histogram(
    "linggan_task_seconds",
    "How long a task ran.",
    ["task"],
    buckets=_TASK_BUCKETS,
    registry=REGISTRY,
)
BACKEND_CALLS: Final = Counter(
    "linggan_backend_calls",
    "Calls to GPU backends, by what came of them.",
    ["backend", "call", "outcome"],
    registry=REGISTRY,
)
BACKEND_SECONDS: Final = Histogram(
    "linggan_backend_call_seconds",
    "How long a call to a GPU backend took.",
    ["backend", "call"],
    buckets=_REQUEST_BUCKETS,
    registry=REGISTRY,
)
QUEUE_SECONDS: Final = Histogram(
    "linggan_job_queue_seconds",
    "How long a job waited before it was first handed to a backend.",
    ["backend"],
    buckets=_JOB_BUCKETS,
    registry=REGISTRY,
)
ATTEMPTS: Final = Counter(
    "linggan_attempts", "Attempts that ended, by how.", ["backend", "outcome"], registry=REGISTRY
)
ATTEMPT_SECONDS: Final = Histogram(
    "linggan_attempt_seconds",
    "How long an attempt took from its start to its end.",
    ["backend"],
    buckets=_JOB_BUCKETS,
    registry=REGISTRY,
)
DELIVERIES: Final = Counter(
    "linggan_webhook_calls",
    "Calls to receivers of webhooks, by what came of them.",
    ["outcome"],
    registry=REGISTRY,
)
DELIVERY_SECONDS: Final = Histogram(
    "linggan_webhook_call_seconds",
    "How long a receiver of webhooks took to answer.",
    buckets=_REQUEST_BUCKETS,
    registry=REGISTRY,
)

# To find a series takes longer than to count in it, and every request does both.
_requests: Final = cache(REQUESTS.labels)
_request_seconds: Final = cache(REQUEST_SECONDS.labels)
_log = structlog.get_logger(__name__)
_outcome: ContextVar[str] = ContextVar("outcome", default="")


def scraped() -> CollectorRegistry:
    """Return what is told when somebody asks: the counts of this process, or of all brothers."""
    if not FOLDER:
        return REGISTRY
    forget_the_dead(FOLDER)
    together = CollectorRegistry()
    MultiProcessCollector(together, path=FOLDER)  # type: ignore[no-untyped-call]  # it has no types
    return together


def answered(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count a request.

    Args:
        route: the pattern of its address, never the address; "": it has none.
    """
    # The administration's hundreds of pages are one: their log lines tell them apart.
    kind = "admin/" if route.startswith("admin/") else route or "none"
    known = method if method in _METHODS else "other"
    _requests(kind, known, f"{status // 100}xx").inc()
    _request_seconds(kind).observe(seconds)


@contextmanager
def working(task: str) -> Iterator[None]:
    """Count a task, and say so in one line; unless it raises or `came_to` says else, it is done."""
    began, token = time.monotonic(), _outcome.set("done")
    try:
        yield
    except BaseException:
        _outcome.set("raised")
        raise
    finally:
        outcome, seconds = _outcome.get(), time.monotonic() - began
        TASKS.labels(task, outcome).inc()
        TASK_SECONDS.labels(task).observe(seconds)
        _log.info("task ended", task=task, outcome=outcome, milliseconds=round(seconds * 1000, 1))
        _outcome.reset(token)


def came_to(outcome: str) -> None:
    """Say what the task that runs now came to, where that is no exception."""
    if _outcome.get():
        _outcome.set(outcome)


def attempt_ended(*, backend: str, outcome: str, seconds: float) -> None:
    """Count an attempt that has ended.

    Args:
        outcome: as its row has it.
        seconds: since it was made.
    """
    ATTEMPTS.labels(backend, outcome).inc()
    ATTEMPT_SECONDS.labels(backend).observe(max(0.0, seconds))
