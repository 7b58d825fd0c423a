"""Backends that lie, stutter and shout, over real HTTP: nothing moves that should not."""

import json
import socket
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.fleet import services as fleet
from billing.fleet.models import BackendState, Breaker
from billing.gpu import callbacks, registry, wire
from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.protocol import State, Status
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Callback, Job, Output
from billing.jobs.services import hearing, inbox
from tests.gpu import faulty as scripts
from tests.gpu.faulty import read_request
from tests.jobs.fleet_story import (
    SECRET,
    Faulties,
    attempt_of,
    dispatch,
    entry,
    faulty,
    film,
    fresh,
    later,
    money,
    now,
    order,
    shopper,
)

__all__ = ["faulty", "shopper"]


def reply(connection: socket.socket, body: dict[str, Any]) -> None:
    """Answer an order as a Cog server does."""
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 202 Accepted\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.sendall(head.encode() + content)


def asked_for(connection: socket.socket) -> str:
    """Read a request; return the attempt that it is about."""
    return read_request(connection).split(b" ")[1].rpartition(b"/")[2].decode()


def takes(connection: socket.socket) -> None:
    """Take whatever comes."""
    reply(connection, {"id": asked_for(connection), "status": "starting"})


def word(attempt: str, status: str = "succeeded", **more: object) -> dict[str, object]:
    """Return a final callback of a Cog server."""
    output = {"output": film()} if status == "succeeded" else {}
    return {"id": attempt, "status": status, **output, **more}


def call_back(attempt: str, body: object, *, of: str | None = None, secret: str = SECRET) -> int:
    """Post a callback to the address of `of`; return the status of the answer."""
    path = callbacks.callback_url("away", of or attempt).partition("/webhooks")[2]
    answer = Client(raise_request_exception=False).post(
        f"/webhooks{path}",
        body if isinstance(body, bytes) else json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    return answer.status_code


def apply_all() -> None:
    """Apply what was heard, as a worker does."""
    for callback in Callback.objects.filter(applied_at=None).order_by("pk"):
        jobs.apply_callback(callback_id=callback.pk, now=now())


@pytest.fixture
def taken(shopper: Account, faulty: Faulties, settings: Settings) -> Job:
    """A job of Ada's was taken by a backend."""
    settings.BACKENDS = {"away": entry(faulty.start(takes).base_url)}
    return dispatch(order(shopper))


def test_one_that_takes_an_order_and_never_answers_keeps_it_and_gets_no_other(
    shopper: Account, faulty: Faulties, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wire.call.__kwdefaults__ is not None
    monkeypatch.setitem(wire.call.__kwdefaults__, "total_seconds", 0.3)
    silent = faulty.start(scripts.never_answers)
    settings.BACKENDS = {"away": entry(silent.base_url)}
    job = order(shopper)
    before = money(job)

    dispatch(job)
    sent = silent.connections
    for days in range(1, 9):
        jobs.sweep(now=later(days=days))

    doubted = fresh(job)
    assert (doubted.status, sent, money(job)) == ("unknown", 1, before)
    assert job.attempts.count() == 1


def test_one_that_answers_twice_is_paid_once(taken: Job) -> None:
    attempt = attempt_of(taken).pk
    assert call_back(attempt, word(attempt, metrics={"predict_time": 1.0})) == 200
    apply_all()
    before = money(taken)

    assert call_back(attempt, word(attempt, metrics={"predict_time": 9.0})) == 200
    apply_all()

    assert before[0] == "captured"
    assert money(taken) == before
    assert (fresh(taken).status, Output.objects.count()) == ("succeeded", 1)


@pytest.mark.parametrize("second", ["failed", "canceled"])
def test_one_that_takes_a_success_back_is_not_heard(taken: Job, second: str) -> None:
    attempt = attempt_of(taken).pk
    call_back(attempt, word(attempt))
    apply_all()
    before = money(taken)

    call_back(attempt, word(attempt, second, error="no, wait"))
    apply_all()

    assert (fresh(taken).status, money(taken)) == ("succeeded", before)


def test_one_that_succeeds_after_it_failed_gives_the_video_away(taken: Job) -> None:
    attempt = attempt_of(taken).pk
    call_back(attempt, word(attempt, "failed", error="oops"))
    apply_all()
    before = money(taken)

    call_back(attempt, word(attempt))
    apply_all()

    ended = fresh(taken)
    assert (ended.status, money(taken)) == ("failed", before)
    assert ended.late_success_at is not None
    assert Output.objects.count() == 1


def test_one_that_answers_before_its_own_reply_is_believed_and_its_reply_changes_nothing(
    shopper: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch, faulty: Faulties
) -> None:
    server = faulty.start(takes)
    settings.BACKENDS = {"away": entry(server.base_url)}
    job, call = order(shopper), wire.call

    def overtaken(method: str, url: str, **more: Any) -> wire.Reply:  # noqa: ANN401 (passed on)
        attempt = url.rpartition("/")[2]
        assert call_back(attempt, word(attempt)) == 200
        apply_all()
        return call(method, url, **more)

    monkeypatch.setattr(wire, "call", overtaken)
    done = dispatch(job)

    assert (done.status, done.hold.state) == ("succeeded", "captured")
    assert (attempt_of(job).state, attempt_of(job).outcome) == ("ended", "succeeded")
    assert server.connections == 1  # nobody asked it to stop


def test_one_that_answers_for_another_job_moves_neither(
    shopper: Account, faulty: Faulties, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(faulty.start(takes).base_url)}
    mine, other = dispatch(order(shopper)), dispatch(order(shopper))
    ours, theirs = attempt_of(mine).pk, attempt_of(other).pk
    before = money(mine), money(other)

    refused = [
        call_back(theirs, word(theirs), of=ours),
        call_back(ours, word(ours), of="at_of_nobody", secret="another-secret-altogether"),
        call_back(ours, word(ours), secret="another-secret-altogether"),
        call_back(ours, b"\x00 good morning"),
        call_back(ours, word("at_of_nobody")),
    ]

    assert min(refused) >= 400
    assert not Callback.objects.exists()
    assert (money(mine), money(other)) == before
    assert (fresh(mine).status, fresh(other).status) == ("dispatched", "dispatched")


def test_one_that_succeeds_at_what_was_never_sent_to_it_ends_no_other_try(
    shopper: Account, faulty: Faulties, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry("http://127.0.0.1:9")}
    job = order(shopper)
    waits = dispatch(job)
    first = attempt_of(job).pk
    settings.BACKENDS = {"away": entry(faulty.start(takes).base_url)}
    dispatch(job, at=waits.dispatch_at)
    before = money(job)

    assert call_back(first, word(first)) == 200
    apply_all()

    assert (fresh(job).status, money(job)) == ("dispatched", before)
    assert not Output.objects.exists()
    assert attempt_of(job).state == "accepted"


def test_one_that_shouts_is_not_listened_to(taken: Job, settings: Settings) -> None:
    settings.OUTPUT_BYTES_MAX = 1000
    attempt, before = attempt_of(taken).pk, money(taken)

    status = call_back(attempt, word(attempt, output="data:," + "x" * 3_000_000))

    assert status >= 400
    assert (fresh(taken).status, money(taken)) == ("dispatched", before)
    assert not Callback.objects.exists()


def test_one_whose_films_lie_elsewhere_needs_no_long_words(
    taken: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = attempt_of(taken).pk
    long = word(attempt, "processing", logs="x" * 1_500_000)
    caps = registry.backend_for("away").caps
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(CogBackend, "caps", replace(caps, output="url_ttl"))
        assert call_back(attempt, long) == 413
        assert not Callback.objects.exists()

    assert call_back(attempt, long) == 200  # a film may stand in it
    assert Callback.objects.count() == 1


def test_one_that_never_stops_talking_fills_no_table_and_its_end_is_heard(
    taken: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "WORDS_MAX", 10)
    attempt = attempt_of(taken).pk
    for number in range(15):
        assert call_back(attempt, word(attempt, "processing", logs=f"{number}")) == 200
    assert Callback.objects.count() == 10
    assert call_back(attempt, word(attempt)) == 200
    apply_all()
    assert fresh(taken).status == "succeeded"
    before = money(taken)

    for number in range(15):
        assert call_back(attempt, word(attempt, "failed", error=f"{number}")) == 200
    apply_all()

    assert Callback.objects.count() == 11 + inbox.WORDS_AFTER_END_MAX
    assert (fresh(taken).status, money(taken)) == ("succeeded", before)


@pytest.mark.parametrize("error", ["no: a kite", "a kite is bad", "a kite, A KITE, a kite"])
def test_one_that_repeats_the_order_does_not_have_it_written_down(taken: Job, error: str) -> None:
    attempt = attempt_of(taken).pk

    call_back(attempt, word(attempt, "failed", error=error))
    apply_all()

    kept = [fresh(taken).failure_detail, attempt_of(taken).detail]
    kept += [bytes(callback.body).decode() for callback in Callback.objects.all()]
    kept += Breaker.objects.values_list("reason", flat=True)
    assert all(kept[:3])
    assert not any("a kite" in one for one in kept)


def test_one_that_answers_an_order_with_100_mb_is_in_doubt_and_costs_little(
    shopper: Account, faulty: Faulties, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(faulty.start(scripts.floods).base_url)}
    job = order(shopper)
    before = money(job)

    doubted = dispatch(job)

    assert (doubted.status, money(job)) == ("unknown", before)
    assert "larger than 1 MiB" in attempt_of(job).detail


@pytest.mark.parametrize(
    "output",
    ["", [], "data:text/html;base64,PGh0bWw+", "http://127.0.0.1:9/film.mp4", "/etc/passwd"],
)
def test_one_that_calls_nothing_a_success_is_not_paid(taken: Job, output: object) -> None:
    attempt = attempt_of(taken).pk

    assert call_back(attempt, word(attempt, output=output)) == 200
    apply_all()

    ended = fresh(taken)
    assert (ended.status, ended.hold.state) == ("failed", "released")
    assert not Output.objects.exists()


@pytest.mark.parametrize("spent", [-1e30, 1e30, "9" * 400, None, [], {"a": 1}])
def test_one_that_reports_absurd_use_is_paid_the_price(taken: Job, spent: object) -> None:
    attempt = attempt_of(taken).pk

    call_back(attempt, word(attempt, metrics={"predict_time": spent, "seconds": spent}))
    apply_all()

    ended = fresh(taken)
    assert (ended.status, ended.charged_micros) == ("succeeded", ended.quoted_micros)


def test_one_that_forgets_an_attempt_while_operators_work_on_it_has_not_lost_it(taken: Job) -> None:
    attempt, before = attempt_of(taken).pk, money(taken)
    absent = Status(state=State.ABSENT)
    maintenance = BackendState.Mode.MAINTENANCE
    fleet.set_mode(
        backend="away", mode=maintenance, reason="new disks", operator="grace", now=now()
    )

    for minutes in range(0, 100, 10):
        hearing.apply_status(attempt, absent, now=later(minutes=minutes))
    assert (fresh(taken).status, money(taken)) == ("dispatched", before)
    assert Attempt.objects.get().absences == 0

    fleet.set_mode(
        backend="away", mode=BackendState.Mode.OPEN, reason="", operator="grace", now=now()
    )
    for minutes in range(0, 100, 10):
        hearing.apply_status(attempt, absent, now=later(minutes=minutes))
    assert fresh(taken).status == "failed"
