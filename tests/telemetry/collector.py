"""A collector of traces on the loopback: it takes OTLP over HTTP, as a real one does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.gpu.receiver import Receiver


@dataclass(frozen=True)
class Span:
    """One span as it came."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    facts: dict[str, Any]
    links: tuple[str, ...]
    failed: bool


class Collector(Receiver):
    """Keeps what it is sent."""

    def spans(self) -> list[Span]:
        """Return every span so far."""
        return [span for post in self.posts("/v1/traces") for span in _read(post.body)]

    def named(self, name: str) -> Span:
        """Return the one span of this name."""
        [found] = [span for span in self.spans() if span.name == name]
        return found


def _read(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    name=span.name,
                    kind=type(span).SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    facts={
                        fact.key: getattr(fact.value, str(fact.value.WhichOneof("value")))
                        for fact in span.attributes
                    },
                    links=tuple(link.trace_id.hex() for link in span.links),
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                )
