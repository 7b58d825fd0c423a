"""Writes down what operators do: a line before each act, and how it ended after it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from billing.errors import DomainError
from billing.operators.models import ACT_REASON_LENGTH_MAX, OBJECT_LENGTH_MAX, ActRecord


@contextmanager
def written_down(
    *,
    clock: Callable[[], datetime],
    **facts: Any,  # noqa: ANN401 (as `begin_act` says)
) -> Iterator[ActRecord]:
    """Write down an act before what is done within, and how it ended; a refusal goes on.

    Args:
        clock: the edge's: an act has two instants.
        facts: as `begin_act` takes them.
    """
    line = begin_act(**facts, now=clock())
    try:
        yield line
    except DomainError as refusal:
        end_act(line, refusal=refusal.code, now=clock())
        raise
    end_act(line, now=clock())


@transaction.atomic(durable=True)
def begin_act(
    *,
    act: str,
    operator: User,
    object_type: str,
    object_id: str,
    account_id: str,
    reason: str,
    shown: Sequence[tuple[str, str]],
    now: datetime,
) -> ActRecord:
    """An act is about to be done, and that stays written down whatever comes of it.

    Args:
        act: a window, and what it offers: "job.fail_jobs".
        object_id: "" for what is only made by the act.
        account_id: whom it touches; "" for nobody, or many.
        reason: 1 to 500 characters.
        shown: what the operator read of what will move.
    """
    return ActRecord.objects.create(
        at=now,
        act=act,
        operator=operator,
        object_type=object_type,
        object_id=object_id[:OBJECT_LENGTH_MAX],
        account_id=account_id,
        reason=reason.strip()[:ACT_REASON_LENGTH_MAX],
        shown=[list(fact) for fact in shown],
    )


@transaction.atomic(durable=True)
def end_act(line: ActRecord, *, refusal: str = "", now: datetime) -> None:
    """How the act ended stands in its line, and what it made, if it made something.

    Args:
        refusal: the code of what has refused it; "": it is done.
    """
    line.outcome = ActRecord.Outcome.REFUSED if refusal else ActRecord.Outcome.DONE
    line.refusal, line.ended_at = refusal, now
    line.save(update_fields=["object_id", "account_id", "outcome", "refusal", "ended_at"])
