"""A person decides about a job that nobody can be asked about, and only about such a one."""

from io import StringIO
from typing import Final

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.gpu.protocol import Caps, State, Status
from billing.jobs import selectors
from billing.jobs import services as jobs
from billing.jobs.errors import NotUnknown, NoVerdict, StillRunning, Unfounded
from billing.jobs.models import Attempt, Job, LooseFile, Output
from billing.jobs.services import Finding, Verdict, hearing
from billing.ledger.models import Entry
from tests.gpu.polled import Vendor
from tests.jobs import shop
from tests.jobs.fleet_story import (
    attempt_of,
    dispatch,
    entry,
    film,
    fresh,
    know,
    later,
    money,
    now,
    order,
    shopper,
    vendor,
)
from tests.operators import signed_in

__all__ = ["shopper", "vendor"]

CONSOLE: Final = "seen in the vendor's console"


@pytest.fixture
def stuck(
    shopper: Account, vendor: Vendor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Job:
    """A job of Ada's is in doubt at a vendor that can be asked by its own id alone.

    Its catalog would charge for what a backend breaks, so that giving all back makes a difference.
    """
    shop.open_shop('[failure_policy.charge]\nbackend_error = "0.5"')
    know(monkeypatch, Caps(poll=True))
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    vendor.hangs_up = True
    job = dispatch(order(shopper))
    assert job.status == "unknown"
    vendor.calls.clear()
    return job


def decide(job: Job, verdict: Verdict, *, hours: float = 1, **more: str) -> Job:
    """Decide about the job an hour later, when its deadline is over."""
    finding = Finding(verdict=verdict, **{"reason": CONSOLE, **more})
    return jobs.resolve(job_id=job.pk, finding=finding, operator="grace", now=later(hours=hours))


@pytest.mark.parametrize("verdict", [Verdict.NEVER_RAN, Verdict.LOST])
def test_what_came_to_nothing_gives_everything_back(stuck: Job, verdict: Verdict) -> None:
    assert list(selectors.awaiting_a_person(now=later(hours=1))) == [stuck]

    ended = decide(stuck, verdict)

    assert (ended.status, ended.hold.state) == ("failed", "released")
    attempt = attempt_of(stuck)
    assert (attempt.state, attempt.outcome) == ("ended", verdict.value)
    assert attempt.detail == f"{verdict.value}, says grace: {CONSOLE}"
    last = Entry.objects.order_by("-pk")[:1].get()
    assert (last.kind, last.actor_type, last.actor_id) == ("release", "operator", "grace")
    assert CONSOLE not in fresh(stuck).failure_detail  # the customer reads this
    assert not selectors.awaiting_a_person(now=later(hours=1)).exists()


def test_an_id_from_the_console_is_asked_about_and_the_backends_word_settles(
    stuck: Job, vendor: Vendor
) -> None:
    vendor.tasks["task-1"] |= {"status": "succeeded", "outputs": [film()]}

    ended = decide(stuck, Verdict.SUCCEEDED, provider_id="task-1")

    assert (ended.status, ended.hold.state) == ("succeeded", "captured")
    assert (fresh(stuck).charged_micros, Output.objects.count()) == (stuck.quoted_micros, 1)
    assert vendor.asked("GET") == ["/tasks/task-1"]


def test_a_video_that_a_person_has_is_stored_first_and_charged_in_his_name(stuck: Job) -> None:
    ended = decide(stuck, Verdict.SUCCEEDED, address=film())

    assert (ended.status, Output.objects.count()) == ("succeeded", 1)
    capture = Entry.objects.filter(kind="capture").order_by("-pk")[:1].get()
    assert (capture.actor_type, capture.actor_id) == ("operator", "grace")


def test_a_job_that_still_runs_is_left_to_its_backend(stuck: Job, vendor: Vendor) -> None:
    before = money(stuck)

    with pytest.raises(StillRunning):
        decide(stuck, Verdict.SUCCEEDED, provider_id="task-1")

    assert (fresh(stuck).status, money(stuck)) == ("unknown", before)
    assert attempt_of(stuck).provider_id == "task-1"  # the sweep asks by it from here on


@pytest.mark.parametrize(
    ("verdict", "more", "refusal"),
    [
        (Verdict.LOST, {"reason": " "}, Unfounded),
        (Verdict.SUCCEEDED, {}, Unfounded),
        (Verdict.SUCCEEDED, {"provider_id": "task-9"}, NoVerdict),
        (Verdict.SUCCEEDED, {"address": "data:text/html;base64,PGh0bWw+"}, NoVerdict),
        (Verdict.SUCCEEDED, {"address": "http://127.0.0.1:9/film.mp4"}, NoVerdict),
        (Verdict.LOST, {"hours": 0}, NotUnknown),
    ],
)
def test_what_nothing_bears_out_moves_nothing(
    stuck: Job, verdict: Verdict, more: dict[str, str], refusal: type[Exception]
) -> None:
    before = money(stuck)

    with pytest.raises(refusal):
        decide(stuck, verdict, **more)  # type: ignore[arg-type]  # hours are a number

    assert (fresh(stuck).status, money(stuck)) == ("unknown", before)
    assert attempt_of(stuck).state == "ambiguous"
    assert not Output.objects.exists()


@pytest.mark.parametrize("path", ["{vendor}/tasks", "http://127.0.0.1:9/film.mp4"])
def test_a_mistyped_address_starts_no_clock_and_leaves_nothing(
    stuck: Job, vendor: Vendor, settings: Settings, path: str
) -> None:
    settings.BACKENDS["away"]["output_cidrs"] = ["127.0.0.0/8"]
    before, known = money(stuck), Attempt.objects.values().get()

    with pytest.raises(NoVerdict) as refusal:
        decide(stuck, Verdict.SUCCEEDED, address=path.format(vendor=vendor.base_url))

    assert refusal.value.facts["field"] == "address"
    assert Attempt.objects.values().get() == known
    assert (fresh(stuck).status, money(stuck)) == ("unknown", before)
    assert not Output.objects.exists()
    assert not LooseFile.objects.exists()


def test_an_id_that_nobody_knows_is_named_as_what_is_wrong(stuck: Job) -> None:
    with pytest.raises(NoVerdict) as refusal:
        decide(stuck, Verdict.SUCCEEDED, provider_id="task-9")

    assert refusal.value.facts["field"] == "provider_id"
    assert attempt_of(stuck).provider_id == ""


def test_the_video_of_another_order_is_no_proof(
    stuck: Job, shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS["away"]["concurrency"] = 5
    vendor.hangs_up = False
    other = dispatch(order(shopper))
    assert attempt_of(other).provider_id == "task-2"
    vendor.tasks["task-2"] |= {"status": "succeeded", "outputs": [film()]}
    before = money(stuck)

    with pytest.raises(NoVerdict):
        decide(stuck, Verdict.SUCCEEDED, provider_id="task-2")

    assert (fresh(stuck).status, money(stuck)) == ("unknown", before)


def test_nobody_decides_twice_or_about_what_has_a_verdict(stuck: Job) -> None:
    decide(stuck, Verdict.LOST)
    before = money(stuck)

    for verdict in (Verdict.LOST, Verdict.NEVER_RAN):
        with pytest.raises(NotUnknown):
            decide(stuck, verdict)

    assert money(stuck) == before


def test_a_person_who_was_wrong_costs_nobody_anything(stuck: Job, vendor: Vendor) -> None:
    """Its video is the customer's after all, and free."""
    decide(stuck, Verdict.NEVER_RAN)
    before = money(stuck)

    status = Status(state=State.SUCCEEDED, outputs=(film(),))
    hearing.apply_status(attempt_of(stuck).pk, status, now=later(hours=2))

    ended = fresh(stuck)
    assert (ended.status, money(stuck)) == ("failed", before)
    assert (ended.late_success_at is not None, Output.objects.count()) == (True, 1)


def test_age_alone_decides_nothing(stuck: Job) -> None:
    before = money(stuck)

    for days in (1, 2, 30, 60):
        jobs.sweep(now=later(days=days))

    assert (fresh(stuck).status, money(stuck)) == ("unknown", before)


def overdue(job: Job) -> None:
    """Let the job's deadline be over."""
    Job.objects.filter(pk=job.pk).update(deadline_at=now())


def test_the_command_shows_first_and_decides_when_told_to(stuck: Job, vendor: Vendor) -> None:
    User.objects.create_user("grace", is_staff=True)
    overdue(stuck)
    before, said = money(stuck), StringIO()

    call_command("resolve_job", stuck.pk, "lost", "--provider-id", "task-1", stdout=said)
    assert "the backend says now: queued" in said.getvalue()
    assert "Nothing was decided" in said.getvalue()
    assert money(stuck) == before
    with pytest.raises(CommandError, match="--as"):
        call_command("resolve_job", stuck.pk, "lost", "--reason", CONSOLE, "--yes")
    assert money(stuck) == before

    call_command(
        *("resolve_job", stuck.pk, "lost", "--reason", CONSOLE, "--as", "grace", "--yes"),
        stdout=said,
    )
    assert said.getvalue().endswith(f"{stuck.pk} failed\n")
    with pytest.raises(CommandError, match="past its deadline"):
        call_command("resolve_job", stuck.pk, "lost", stdout=said)


@pytest.fixture
def vera(client: Client, settings: Settings) -> Client:
    """Return the browser of an operator who may look at jobs, and no more."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    operator = User.objects.create_user("vera", is_staff=True)
    operator.user_permissions.add(Permission.objects.get(codename="view_job"))
    signed_in(client, operator)
    return client


def test_in_the_admin_a_person_finds_the_job_asks_the_backend_and_decides(
    stuck: Job, shopper: Account, vendor: Vendor, vera: Client
) -> None:
    other = order(shopper)
    overdue(stuck)
    permission = Permission.objects.get(codename="resolve_job")
    User.objects.get(username="vera").user_permissions.add(permission)
    listed = vera.get("/admin/billing/job/?awaits=yes").content.decode()
    assert (stuck.pk in listed, other.pk in listed) == (True, False)
    page = f"/admin/billing/job/{stuck.pk}/decide/"
    before = money(stuck)

    shown = vera.get(page).content.decode()
    assert "10 credits" in shown
    looked = vera.post(page, {"act": "look", "verdict": "lost", "provider_id": "task-1"})
    assert "queued" in looked.content.decode()
    unfounded = vera.post(page, {"act": "resolve", "verdict": "lost"})
    assert "Say how you know it" in unfounded.content.decode()
    assert money(stuck) == before

    done = vera.post(page, {"act": "resolve", "verdict": "lost", "reason": CONSOLE}, follow=True)

    assert f"{stuck.pk}: failed" in done.content.decode()
    assert fresh(stuck).hold.state == "released"
    assert LogEntry.objects.get().change_message == CONSOLE


def test_who_may_only_look_decides_nothing(stuck: Job, vera: Client) -> None:
    overdue(stuck)
    before = money(stuck)
    page = f"/admin/billing/job/{stuck.pk}/decide/"

    answers = [
        vera.get(page),
        vera.post(page, {"act": "resolve", "verdict": "lost", "reason": CONSOLE}),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert (fresh(stuck).status, money(stuck)) == ("unknown", before)
