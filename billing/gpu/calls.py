"""Counts what backends are asked, and what comes of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from billing.gpu.protocol import BackendError
from billing.telemetry import meters, tracing

Call = Literal["submit", "poll", "find", "cancel", "health"]


@contextmanager
def counted(backend: str, call: Call) -> Iterator[None]:
    """Count one call to the backend named `backend`, by what it raised; and trace it."""
    began, outcome = time.monotonic(), "raised"
    try:
        with tracing.span(f"{call} {backend}", tracing.Kind.CLIENT, {"backend": backend}):
            yield
        outcome = "answered"
    except BackendError as answer:
        outcome = type(answer).__name__
        raise
    finally:
        meters.BACKEND_CALLS.labels(backend, call, outcome).inc()
        meters.BACKEND_SECONDS.labels(backend, call).observe(time.monotonic() - began)
