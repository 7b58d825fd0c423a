"""One job is one trace, from the request that orders it to the webhook that tells its end."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from billing.jobs.models import Attempt
from billing.outbox.models import Message
from billing.webhooks.models import Event
from tests.egress.receiver import Receiver
from tests.flows.story import Story
from tests.telemetry.collector import Collector, Span
from tests.telemetry.tracing_on import traced
from tests.webhooks.rounds import platform_endpoint

pytestmark = pytest.mark.flow


@pytest.fixture
def collector() -> Iterator[Collector]:
    collecting = Collector()
    yield collecting
    collecting.close()


def test_one_job_is_one_trace_from_its_order_to_its_webhook(
    story: Story, collector: Collector
) -> None:
    story.post("/v1/check-in")
    with Receiver() as platform, traced(collector.base_url) as provider:
        platform_endpoint(platform.url, now=datetime.now(UTC))
        job = story.order("a very private wish")
        assert story.wait(job)["status"] == "succeeded"
        assert _until(lambda: _told(platform, "job.succeeded"))
        assert _until(lambda: not Message.objects.filter(done_at=None).exists())
        provider.force_flush()

    ordered = collector.named("POST v1/jobs")
    # What only looks at the job meanwhile is traces of its own.
    spans = [span for span in collector.spans() if span.trace == ordered.trace]
    by_id = {span.id: span for span in spans}
    assert len(by_id) == len(spans)
    assert [span.name for span in spans if span.parent not in by_id] == [ordered.name]

    [submitted] = [span for span in spans if span.name == "submit demo"]
    handed_over = ["POST v1/jobs", "post jobs.dispatch", "jobs.dispatch"]
    assert _way(submitted, by_id) == [*handed_over, "submit demo"]
    [settled] = [span for span in spans if span.name == "settle"]
    heard = ["callback demo", "post jobs.apply_callback", "jobs.apply_callback"]
    assert _way(settled, by_id) == [*handed_over, *heard, "settle"]
    end = Event.objects.get(type="job.succeeded").pk
    [last] = [span for span in spans if span.facts.get("linggan.event_id") == end]
    # It may have waited in its line for what was told before; then that called for it.
    assert _way(last, by_id)[-3:] == ["post webhooks.deliver", "webhooks.deliver", "call receiver"]
    assert settled.facts == {"linggan.job_id": job["id"], "linggan.account_id": _account(spans)}
    assert (ordered.kind, submitted.kind, last.kind) == ("server", "client", "client")
    assert not any(span.failed for span in spans)

    # Nothing that somebody typed, and nobody's name, leaves with it.
    said = json.dumps([[span.name, span.facts] for span in collector.spans()])
    assert "private" not in said
    assert "ada" not in said

    assert Attempt.objects.get().traceparent.split("-")[1] == ordered.trace


def test_a_collector_that_is_away_neither_fails_a_job_nor_holds_it_up(story: Story) -> None:
    story.post("/v1/check-in")
    with traced("http://127.0.0.1:9"):
        began = time.monotonic()
        job = story.order("as ever")
        took = time.monotonic() - began
        done = story.wait(job)

    assert done["status"] == "succeeded"
    assert took < 5
    story.audit()


def test_without_a_collector_no_row_names_a_trace(story: Story) -> None:
    story.post("/v1/check-in")
    story.wait(story.order("untraced"))

    assert set(Message.objects.values_list("traceparent", flat=True)) == {""}
    assert Attempt.objects.get().traceparent == ""


def _way(span: Span, by_id: dict[str, Span]) -> list[str]:
    """Return the names of a span and all above it, the first first."""
    way = [span.name]
    while span.parent in by_id:
        span = by_id[span.parent]
        way.insert(0, span.name)
    return way


def _account(spans: list[Span]) -> str:
    [account] = {
        str(span.facts["linggan.account_id"])
        for span in spans
        if "linggan.account_id" in span.facts
    }
    assert account.startswith("acc_")
    return account


def _told(platform: Receiver, event: str) -> bool:
    return any(json.loads(call.body)["type"] == event for call in platform.received)


def _until(true: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + 20
    while not true() and time.monotonic() < ends_at:
        time.sleep(0.1)
    return true()
