"""Traces: what belongs together across processes. Nothing is done while nobody collects them.

The context of a trace travels in rows, as W3C's `traceparent`: Celery only rings, and a backend may
answer in another process an hour later. Ids may be told, what people typed never: of an exception
its class alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

LENGTH_MAX: Final = 55  # of a `traceparent`
_NOTHING: Final = nullcontext()
_written: Final = TraceContextTextMapPropagator()
Kind: TypeAlias = SpanKind
Facts: TypeAlias = Mapping[str, str | int]


class _Collected:
    """Whoever makes this process's spans; None: nobody collects them."""

    tracer: Tracer | None = None


def begin(tracer: Tracer | None) -> None:
    """Have spans made by `tracer` from now on; by none at all with None."""
    _Collected.tracer = tracer


def is_on() -> bool:
    """Say whether somebody collects traces."""
    return _Collected.tracer is not None


def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, facts: Facts | None = None
) -> AbstractContextManager[Any]:
    """Open a span below the one that is open; for as long as the block lasts."""
    tracer = _Collected.tracer
    return _NOTHING if tracer is None else _opened(tracer, name, kind, facts, None, ())


def joined(
    traceparent: str, name: str, kind: SpanKind = SpanKind.INTERNAL, facts: Facts | None = None
) -> AbstractContextManager[Any]:
    """Open a span below the one that `traceparent` names; "": it begins a trace."""
    tracer = _Collected.tracer
    if tracer is None:
        return _NOTHING
    return _opened(tracer, name, kind, facts, _context_of(traceparent), ())


def at_the_door(asked: str, name: str, facts: Facts | None = None) -> AbstractContextManager[Any]:
    """Open the span of a request, which begins a trace.

    A stranger's own trace is only pointed at: he shall not decide what is kept of ours.

    Args:
        asked: the `traceparent` that the request came with, or "".
    """
    tracer = _Collected.tracer
    if tracer is None:
        return _NOTHING
    theirs = trace.get_current_span(_context_of(asked)).get_span_context()
    links = (Link(theirs),) if theirs.is_valid else ()
    return _opened(tracer, name, SpanKind.SERVER, facts, Context(), links)


def note(name: str = "", **facts: str | int) -> None:
    """Tell something of the span that is open: ids and words of ours.

    Args:
        name: what it is called from now on; "": as before.
    """
    if _Collected.tracer is None:
        return
    current = trace.get_current_span()
    if name:
        current.update_name(name)
    for fact, value in facts.items():
        current.set_attribute(f"linggan.{fact}", value)


def failed(kind: str) -> None:
    """The span that is open has come to nothing; `kind` is a word of ours or a class."""
    if _Collected.tracer is not None:
        _fail(trace.get_current_span(), kind)


def traceparent() -> str:
    """Return by what another process joins the span that is open; "": there is none."""
    if _Collected.tracer is None:
        return ""
    carrier: dict[str, str] = {}
    _written.inject(carrier)
    return carrier.get("traceparent", "")


def headers() -> dict[str, str]:
    """Return what a call carries to a program of our own, so that it can join."""
    parent = traceparent()
    return {"traceparent": parent} if parent else {}


def ids() -> dict[str, str]:
    """Return what a log line names of the span that is open; nothing outside of any."""
    if _Collected.tracer is None:
        return {}
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


def _context_of(traceparent: str) -> Context:
    carrier = {"traceparent": traceparent} if traceparent else {}
    return _written.extract(carrier, context=Context())


@contextmanager
def _opened(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    facts: Facts | None,
    parent: Context | None,
    links: tuple[Link, ...],
) -> Iterator[Span]:
    named = {f"linggan.{fact}": value for fact, value in (facts or {}).items()}
    with tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        attributes=named,
        links=links,
        # Its message may quote what somebody typed.
        record_exception=False,
        set_status_on_exception=False,
    ) as opened:
        try:
            yield opened
        except BaseException as problem:
            _fail(opened, type(problem).__name__)
            raise


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)
