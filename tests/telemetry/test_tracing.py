"""Traces say where something stands, and nothing that somebody typed; off, they are nothing."""

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from django.db import transaction
from django.test import Client
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from billing.gpu import adapters
from billing.http.logs import logging_config
from billing.http.requests import request_id
from billing.outbox import selectors, services
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.telemetry import tracing
from config import working
from config.celery import app
from config.working import MeasuredTask
from plans.errors import NoCatalog
from tests.architecture.tree import ROOT
from tests.outbox.errands import PROBE

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
THEIRS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def made() -> Iterator[InMemorySpanExporter]:
    """Trace into memory for as long as the test lasts."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.begin(provider.get_tracer("tests"))
    yield exporter
    tracing.begin(None)


def only(made: InMemorySpanExporter) -> ReadableSpan:
    [span] = made.get_finished_spans()
    return span


def test_off_nothing_is_made_asked_or_told(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(_message_id: str) -> str:
        raise AssertionError("nobody collects traces")

    monkeypatch.setattr(selectors, "traceparent_of", asked)
    assert not tracing.is_on()
    assert isinstance(tracing.span("work"), nullcontext)
    assert isinstance(tracing.joined(THEIRS, "work"), nullcontext)
    assert isinstance(tracing.at_the_door(THEIRS, "GET"), nullcontext)
    assert (tracing.traceparent(), tracing.headers(), tracing.ids()) == ("", {}, {})
    with transaction.atomic():
        services.post(TaskName.DISPATCH_JOB, now=NOW, job_id="job_1")
    message = Message.objects.get()
    assert message.traceparent == ""
    app.tasks[PROBE](key="job_1", message_id="msg_of_none", request_id="req_1")


def test_a_request_begins_a_trace_and_only_points_at_a_strangers(
    db: None, made: InMemorySpanExporter
) -> None:
    Client().get("/healthz", headers={"traceparent": THEIRS})

    span = only(made)
    assert span.name == "GET healthz"
    assert span.parent is None
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" not in THEIRS
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [THEIRS.split("-")[1]]
    assert dict(span.attributes or {})["linggan.status"] == 200


@pytest.mark.parametrize("forged", ["", "00-zz", "x" * 5000, THEIRS.replace("-01", "")])
def test_a_malformed_one_points_at_nothing(
    db: None, made: InMemorySpanExporter, forged: str
) -> None:
    assert Client().get("/healthz", headers={"traceparent": forged}).status_code == 200

    assert only(made).links == ()


def test_of_an_exception_its_class_alone_is_told(made: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="secret"), tracing.span("work"):
        raise ValueError("a secret prompt")

    span = only(made)
    assert dict(span.attributes or {}) == {"error.type": "ValueError"}
    assert span.events == ()
    assert not span.status.is_ok
    assert span.status.description is None


def test_a_message_is_posted_and_run_in_one_trace(db: None, made: InMemorySpanExporter) -> None:
    with tracing.span("request"), transaction.atomic():
        services.post(TaskName.DISPATCH_JOB, now=NOW, job_id="job_1")
    message = Message.objects.get()

    with tracing.joined(selectors.traceparent_of(message.pk), "task"):
        pass

    posted, request, task = made.get_finished_spans()
    assert (posted.name, request.name, task.name) == ("post jobs.dispatch", "request", "task")
    assert posted.parent == request.context
    assert task.parent is not None
    assert posted.context is not None
    assert task.parent.span_id == posted.context.span_id
    assert len({span.context.trace_id for span in (posted, request, task) if span.context}) == 1
    assert dict(posted.attributes or {}) == {"linggan.job_id": "job_1"}


def test_log_lines_name_where_they_stand(made: InMemorySpanExporter) -> None:
    before = _line()
    with tracing.span("work"):
        inside = _line()

    span = only(made)
    assert span.context is not None
    assert inside["trace_id"] == f"{span.context.trace_id:032x}"
    assert inside["span_id"] == f"{span.context.span_id:016x}"
    assert before.keys().isdisjoint({"trace_id", "span_id"})


def test_what_no_request_caused_is_named_by_itself() -> None:
    seen: list[str] = []

    class Swept(MeasuredTask):
        name = "tests.swept"

        def run(self, **_named: Any) -> None:  # noqa: ANN401 (as Celery has it)
            seen.append(request_id())

    swept = app.register_task(Swept())
    swept()
    swept(request_id="req_7")

    assert seen[0].startswith("run_")
    assert seen[1] == "req_7"
    assert request_id() == ""


def test_what_waits_for_a_catalog_says_so_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Early(MeasuredTask):
        name = "tests.early"

        def run(self, **_named: Any) -> None:  # noqa: ANN401 (as Celery has it)
            raise NoCatalog("No catalog is in force yet.")

    early = app.register_task(Early())
    monkeypatch.setattr(working, "_log", structlog.get_logger("tests.early"))  # none that is kept
    with capture_logs() as said:
        early()

    assert [(one["event"], one["task"], one["log_level"]) for one in said] == [
        ("task_waits_for_a_catalog", "tests.early", "warning")
    ]
    assert not any("exc_info" in one for one in said)


def test_only_backends_of_ones_own_are_told_of_a_trace() -> None:
    folder = ROOT / "billing" / "gpu" / "adapters"
    telling = {path.parent.name for path in folder.rglob("*.py") if "tracing." in path.read_text()}

    assert telling == {"cog", "comfyui"}
    assert {name for name, kind in adapters.kinds().items() if kind.is_own} == telling


def _line() -> dict[str, Any]:
    """Return what a line of the log carries here."""
    chain = logging_config("json")["formatters"]["line"]["foreign_pre_chain"]
    event: dict[str, Any] = {"event": "said"}
    for step in chain[:2]:
        event = step(logging.getLogger("tests"), "info", event)
    return event
