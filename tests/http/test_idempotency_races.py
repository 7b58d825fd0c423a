"""The same key at the same moment, on real connections, with a control without the lock."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from billing.accounts.models import Account
from billing.http import errors, idempotency
from billing.http.idempotency import Answer, Key, answer_once
from billing.http.models import IdempotentAnswer
from billing.ids import new_id
from tests.http.racing import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.http.probes")]
KEY = Key(caller="acc_1", route="POST v1/orders", key="k", body_hash=b"1" * 32)


def one_more(now: datetime) -> Callable[[], tuple[int, object]]:
    """Return work whose effect is not unique by itself: each run makes one more row."""

    def work() -> tuple[int, object]:
        name = new_id("effect")
        Account.objects.create(id=name, external_id=name, zone="UTC", created_at=now)
        return 201, {"made": name}

    return work


@pytest.mark.parametrize("_round", range(10))
def test_twenty_at_once_have_one_effect(_round: int, now: datetime) -> None:
    results = at_once(20, lambda _: answer_once(KEY, one_more(now), now=now))
    late = answer_once(KEY, one_more(now), now=now)

    answers = [result for result in results if isinstance(result, Answer)]
    assert Account.objects.count() == IdempotentAnswer.objects.count() == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert {answer.body for answer in answers} == {late.body}
    assert late.replayed
    assert all(isinstance(result, Answer | errors.IdempotencyInProgress) for result in results), (
        results
    )


def test_twenty_requests_at_once_have_one_effect(
    ada: dict[str, str], post: Callable[..., Any]
) -> None:
    def ask(_place: int) -> tuple[int, bytes, str | None]:
        response = post("/v1/orders", ada, key="k", body={"name": "a"})
        return response.status_code, response.content, response.headers.get("Retry-After")

    results = at_once(20, ask)

    answers = [result for result in results if isinstance(result, tuple)]
    assert len(answers) == 20, results
    assert len({body for status, body, _wait in answers if status == 201}) == 1
    assert {wait for status, _body, wait in answers if status == 201} == {None}
    refused = [(body, wait) for status, body, wait in answers if status != 201]
    assert all(b'"idempotency_in_progress"' in body and wait == "1" for body, wait in refused)
    assert Account.objects.filter(external_id="effect-a").count() == 1


def test_twenty_different_keys_have_twenty_effects(now: datetime) -> None:
    results = at_once(
        20,
        lambda n: answer_once(Key("acc_1", "POST x", f"k{n}", b"1" * 32), one_more(now), now=now),
    )

    assert all(isinstance(result, Answer) and not result.replayed for result in results)
    assert Account.objects.count() == IdempotentAnswer.objects.count() == 20


def test_a_second_request_is_told_at_once_while_the_first_runs(now: datetime) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> tuple[int, object]:
        inside.set()
        assert go_on.wait(timeout=20)
        return one_more(now)()

    def act(place: int) -> Answer | Exception:
        if place == 0:
            return answer_once(KEY, slow, now=now)
        assert inside.wait(timeout=20)
        try:
            with pytest.raises(errors.IdempotencyInProgress) as refusal:
                answer_once(KEY, one_more(now), now=now)
            return refusal.value
        finally:
            go_on.set()

    first, second = at_once(2, act)

    assert isinstance(first, Answer)
    assert isinstance(second, errors.IdempotencyInProgress)
    assert second.facts == {"retry_after_seconds": 1}
    assert Account.objects.count() == 1


def test_a_connection_that_dies_inside_work_leaves_nothing(now: datetime) -> None:
    def work() -> tuple[int, object]:
        answer = one_more(now)()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return answer

    (result,) = at_once(1, lambda _: answer_once(KEY, work, now=now))

    assert isinstance(result, Exception)
    assert Account.objects.count() == IdempotentAnswer.objects.count() == 0
    assert answer_once(KEY, one_more(now), now=now).status == 201
    assert Account.objects.count() == 1


def test_it_refuses_to_run_inside_another_transaction(now: datetime) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        answer_once(KEY, one_more(now), now=now)

    assert not Account.objects.exists()


def test_control_without_the_lock_only_the_database_stops_a_second_effect(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves that this setup can race at all, and that the constraint is the second wall."""
    everyone_has_read = threading.Barrier(4)

    def together() -> tuple[int, object]:
        everyone_has_read.wait(timeout=20)
        return one_more(now)()

    monkeypatch.setattr(idempotency, "_claim", lambda _key: None)
    results = at_once(4, lambda _: answer_once(KEY, together, now=now))

    assert sum(isinstance(result, IntegrityError) for result in results) == 3
    assert Account.objects.count() == IdempotentAnswer.objects.count() == 1
