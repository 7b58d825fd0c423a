"""The main job, end to end: from a check-in to a paid-for video, and every other way it ends."""

import base64
import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.storage import default_storage

from billing.gpu import callbacks
from billing.gpu.mp4 import read_facts
from billing.jobs import services
from billing.jobs.models import Attempt, Callback, Job, Output
from billing.ledger.models import Entry
from billing.webhooks.models import Event
from tests.flows.story import Story

pytestmark = pytest.mark.flow


def test_a_video_is_quoted_ordered_made_and_paid_for(story: Story) -> None:
    # She checks in and asks for a price.
    assert story.post("/v1/check-in").json()["credits"] == "66"
    spec = {"model": "kling-v1-6", "mode": "std", "seconds": 5, "inputs": {"prompt": "a red kite"}}
    quote = story.post("/v1/quotes", spec).json()
    assert (quote["credits"], quote["admissible"], quote["reasons"]) == ("10", True, [])
    assert quote["would_use"][0]["credits"] == "10"

    # She orders by that quote: the credits are set aside at once.
    job = story.post("/v1/jobs", spec | {"quote": quote["id"]}).json()
    assert job["status"] == "queued"
    assert job["credits"] == {
        "quoted": "10",
        "held": "10",
        "captured": "0",
        "released": "0",
        "owed": "0",
    }

    # The video is made, stored and paid for.
    done = story.wait(job)
    assert done["status"] == "succeeded", done["error"]
    assert done["credits"] == {
        "quoted": "10",
        "held": "0",
        "captured": "10",
        "released": "0",
        "owed": "0",
    }
    assert done["progress"] == 1.0
    assert story.balance() == "56"

    # It can be fetched without a token, for a while.
    video = story.client.get(done["outputs"][0]["url"]).getvalue()
    facts = read_facts(io.BytesIO(video), len(video))
    assert facts.milliseconds == 5000
    assert done["outputs"][0]["seconds"] == 5.0
    assert done["outputs"][0]["bytes"] == len(video)

    # The ledger explains every credit, newest first, and the world was told in order.
    entries = story.get("/v1/ledger")["data"]
    assert [(entry["type"], entry["credits"]) for entry in entries] == [
        ("capture", "10"),
        ("hold", "10"),
        ("grant", "66"),
    ]
    assert entries[0]["job"] == job["id"]
    told = list(Event.objects.order_by("sequence").values_list("type", flat=True))
    assert [name for name in told if name.startswith("job.")] == [
        "job.queued",
        "job.started",
        "job.succeeded",
    ]
    story.audit()


def test_a_failed_video_costs_nothing_and_says_why(story: Story) -> None:
    story.post("/v1/check-in")

    done = story.wait(story.order("[fail] this one breaks"))

    assert done["status"] == "failed"
    assert done["error"]["class"] == "backend_error"
    assert done["error"]["detail"]
    assert done["credits"]["released"] == "10"
    assert story.balance() == "66"
    story.audit()


def test_a_moderated_video_costs_nothing_and_is_named_so(story: Story) -> None:
    story.post("/v1/check-in")

    done = story.wait(story.order("[moderate] something forbidden"))

    assert done["error"]["class"] == "moderation_output"
    assert story.balance() == "66"
    story.audit()


def test_a_running_video_can_be_canceled(story: Story) -> None:
    story.post("/v1/check-in")
    job = story.order("[slow] a long thought")
    story.wait(job, "running")

    response = story.post(f"/v1/jobs/{job['id']}/cancel")

    assert response.status_code == 202
    done = story.wait(job)
    assert (done["status"], done["error"]["class"]) == ("canceled", "canceled_running")
    assert story.balance() == "66"
    story.audit()


def test_a_queued_video_is_canceled_at_once_and_never_sent(story: Story) -> None:
    story.post("/v1/check-in")
    running = [story.order("[slow] first"), story.order("[slow] second")]
    for job in running:
        story.wait(job, "running")
    queued = story.order("[slow] third")

    canceled = story.post(f"/v1/jobs/{queued['id']}/cancel").json()

    assert (canceled["status"], canceled["error"]["class"]) == ("canceled", "canceled_queued")
    assert not Attempt.objects.filter(job_id=queued["id"]).exists()
    for job in running:
        story.post(f"/v1/jobs/{job['id']}/cancel")
        story.wait(job)
    assert story.balance() == "66"
    story.audit()


def test_a_waiting_video_starts_when_a_slot_frees(story: Story) -> None:
    story.post("/v1/check-in")
    jobs = [story.order(f"number {number}") for number in range(3)]

    done = [story.wait(job) for job in jobs]

    assert [job["status"] for job in done] == ["succeeded"] * 3
    assert story.balance() == "36"
    story.audit()


def test_a_video_that_hangs_is_asked_to_stop_at_its_deadline_and_costs_nothing(
    story: Story,
) -> None:
    story.post("/v1/check-in")
    job = story.order("[hang] for ever")
    story.wait(job, "running")

    services.sweep(now=datetime.now(UTC) + timedelta(hours=1))

    done = story.wait(job)
    assert (done["status"], done["error"]["class"]) == ("failed", "timeout")
    assert story.balance() == "66"
    story.audit()


def test_a_backend_that_crashes_is_asked_until_it_is_certain_then_nothing_is_charged(
    story: Story,
) -> None:
    story.post("/v1/check-in")
    job = story.order("[hang] until the power fails")
    story.wait(job, "running")
    story.cog.kill()

    # While nobody answers, nothing is assumed.
    services.sweep(now=datetime.now(UTC) + timedelta(seconds=40))
    assert story.job(job)["credits"]["held"] == "10"

    story.cog.start()
    done = story.sweep_until(job)
    assert (done["status"], done["error"]["class"]) == ("failed", "backend_error")
    assert story.balance() == "66"
    story.audit()


def test_a_backend_that_is_away_leaves_the_job_waiting_with_its_credits(story: Story) -> None:
    story.post("/v1/check-in")
    story.cog.stop()
    job = story.order("patience")
    try:
        story.wait(job, "queued")
        assert Attempt.objects.filter(job_id=job["id"]).exclude(outcome="NotSent").count() <= 1
        assert story.job(job)["credits"]["held"] == "10"
    finally:
        story.cog.start()

    # No time is made up: a job that is being made must not look overdue.
    done = story.sweep_until(job, step=timedelta(0))

    assert done["status"] == "succeeded"
    assert story.balance() == "56"
    story.audit()


def test_the_same_callback_twice_counts_once(story: Story) -> None:
    story.post("/v1/check-in")
    done = story.wait(story.order("once"))
    attempt = Attempt.objects.get()
    body = b'{"id": "%s", "status": "succeeded", "output": null}' % attempt.pk.encode()

    answers = [_call_back(story, attempt.pk, body) for _ in range(3)]

    assert answers == [200, 200, 200]
    assert Callback.objects.filter(attempt=attempt, body=body).count() <= 1
    assert story.job(done)["credits"]["captured"] == "10"
    assert Entry.objects.filter(kind="capture").count() == 1
    story.audit()


def test_a_callback_for_another_attempt_or_from_a_stranger_changes_nothing(story: Story) -> None:
    story.post("/v1/check-in")
    job = story.order("[slow] mine")
    story.wait(job, "running")
    attempt = Attempt.objects.get()
    failed = b'{"id": "%s", "status": "failed", "error": "no"}'

    other = _call_back(story, attempt.pk, failed % b"at_another")
    stranger = _call_back(story, attempt.pk, failed % attempt.pk.encode(), bearer="guess")
    forged = story.client.post(
        f"/webhooks/backends/demo/{attempt.pk}.0000",
        failed % attempt.pk.encode(),
        content_type="application/json",
        headers={"Authorization": f"Bearer {story.cog.token}"},
    ).status_code

    assert (other, stranger, forged) == (400, 401, 401)
    assert story.job(job)["status"] == "running"
    story.post(f"/v1/jobs/{job['id']}/cancel")
    story.wait(job)
    story.audit()


def test_a_success_after_the_credits_went_back_is_free_and_marked(story: Story) -> None:
    story.post("/v1/check-in")
    job = story.order("[slow] against all odds")
    story.wait(job, "running")
    services.fail(job_id=job["id"], operator="grace", now=datetime.now(UTC))
    assert story.balance() == "66"
    assert story.job(job)["status"] == "failed"
    made = story.wait(story.order("a video to send again"))
    attempt = Attempt.objects.get(job_id=job["id"])

    status = _call_back(story, attempt.pk, _success_like(made["id"], attempt.pk))

    assert status == 200
    assert _until(lambda: bool(story.job(job)["late_success"]))
    late = story.job(job)
    assert late["status"] == "failed"
    assert late["credits"]["captured"] == "0"
    assert len(late["outputs"]) == 1
    assert story.balance() == "56"
    story.audit()


def test_extending_a_video_continues_its_own_parent_only(story: Story) -> None:
    story.post("/v1/check-in")
    first = story.wait(story.order("the first five seconds"))

    longer = story.wait(story.order("and five more", task="extend", parent=first["id"]))

    assert longer["status"] == "succeeded"
    assert longer["parent"] == first["id"]
    assert Job.objects.get(pk=longer["id"]).chain_seconds == 10
    refused = story.post(
        "/v1/jobs",
        {
            "model": "kling-v1-6",
            "task": "extend",
            "seconds": 5,
            "parent": "job_of_somebody_else",
            "inputs": {"prompt": "x"},
        },
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/parent"
    story.audit()


def _call_back(story: Story, attempt_id: str, body: bytes, *, bearer: str | None = None) -> int:
    token = callbacks.callback_token(attempt_id)
    status: int = story.client.post(
        f"/webhooks/backends/demo/{token}",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {bearer or story.cog.token}"},
    ).status_code
    return status


def _success_like(job_id: str, attempt_id: str) -> bytes:
    """Return what a backend would say of `attempt_id` if it had made the video of `job_id`."""
    with default_storage.open(Output.objects.get(job_id=job_id).path) as file:
        video = base64.b64encode(file.read()).decode()
    output = f"data:video/mp4;base64,{video}"
    return json.dumps({"id": attempt_id, "status": "succeeded", "output": output}).encode()


def _until(true: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + 20
    while not true() and time.monotonic() < ends_at:
        time.sleep(0.1)
    return true()
