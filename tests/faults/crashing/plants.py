"""Bugs that the cuts must find: each is put into the product for a few cases, at one message."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from unittest import mock

from django.db import connection

from billing.http import idempotency
from billing.http.idempotency import Key
from billing.payments.models import StripeEvent
from billing.payments.services import hearing
from tests.faults.crashing.child import Answer, Caller


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug, and where it is looked for.

    Attributes:
        scenario: the name of what is done with it.
        link, message: at which messages that is cut off.
    """

    name: str
    put: Callable[[], AbstractContextManager[object]]
    scenario: str
    link: str
    message: str


def _answered_before_the_commit() -> AbstractContextManager[object]:
    """The caller is told what is not committed yet."""
    usual = idempotency._first_answer

    def planted(work: Callable[[], tuple[int, object]]) -> idempotency.Answer:
        answer = usual(work)
        if Caller.tell is not None:
            Caller.tell(Answer(answer.status, answer.body.decode()))
        return answer

    return mock.patch.object(idempotency, "_first_answer", planted)


def _forgets_the_key() -> AbstractContextManager[object]:
    """A repeat is taken for another order."""
    usual = idempotency.answer_once

    def planted(
        _key: Key | None, work: Callable[[], tuple[int, object]], *, now: datetime
    ) -> idempotency.Answer:
        return usual(None, work, now=now)

    return mock.patch.object(idempotency, "answer_once", planted)


def _commits_before_the_answer_is_kept() -> AbstractContextManager[object]:
    """Effect and answer stand in two transactions."""
    usual = idempotency._first_answer

    def planted(work: Callable[[], tuple[int, object]]) -> idempotency.Answer:
        answer = usual(work)
        with connection.cursor() as cursor:
            cursor.execute("COMMIT")
            cursor.execute("BEGIN")
        return answer

    return mock.patch.object(idempotency, "_first_answer", planted)


def _sees_events_before_they_are_applied() -> AbstractContextManager[object]:
    """An event counts as applied from when it is begun with."""
    usual = hearing._apply

    def planted(event: StripeEvent, **facts: Any) -> None:  # noqa: ANN401 (passed on as they are)
        StripeEvent.objects.filter(pk=event.pk).update(applied_at=facts["now"])
        usual(event, **facts)

    return mock.patch.object(hearing, "_apply", planted)


PLANTS: Final = (
    Plant(
        "answered before the commit", _answered_before_the_commit, "submit", "postgres", "COMMIT"
    ),
    Plant("the key is forgotten", _forgets_the_key, "submit", "postgres", "COMMIT"),
    Plant(
        "effect and answer in two transactions",
        _commits_before_the_answer_is_kept,
        "submit",
        "postgres",
        "COMMIT",
    ),
    Plant(
        "an event is seen before it is applied",
        _sees_events_before_they_are_applied,
        "pack event applied",
        "stripe",
        "GET",
    ),
)
