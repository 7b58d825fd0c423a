"""Sends traces to a collector by OTLP over HTTP, from a thread of its own, as OTEL_… says.

It is imported only where a collector is named: whoever has none carries nothing of it.
"""

import atexit
import os
import threading
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from billing.telemetry import tracing

# What is not sent when a process ends is waited for so long, and no longer.
_LAST_WORDS_SECONDS: Final = 2.0


def begin(role: str) -> TracerProvider:
    """Have this process's spans sent to the collector; a full queue drops the newest.

    Args:
        role: what the process is: web, events or worker.
    """
    said = {"linggan.role": role}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        said[SERVICE_NAME] = "linggan"
    provider = TracerProvider(resource=Resource.create(said), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    atexit.register(_say_the_last_words, provider)
    tracing.begin(provider.get_tracer("linggan"))
    return provider


def _say_the_last_words(provider: TracerProvider) -> None:
    """Send what is left, if the collector takes it soon: the flush itself keeps to no time."""
    flush = threading.Thread(target=provider.shutdown, name="last-traces", daemon=True)
    flush.start()
    flush.join(_LAST_WORDS_SECONDS)
