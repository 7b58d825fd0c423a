"""Traces that go to a collector for as long as a test lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import TracerProvider

from billing.telemetry import otlp, tracing


@contextmanager
def traced(url: str) -> Iterator[TracerProvider]:
    """Send what is traced to `url`; give what can be flushed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        provider = otlp.begin("test")
    try:
        yield provider
    finally:
        tracing.begin(None)
        provider.shutdown()
