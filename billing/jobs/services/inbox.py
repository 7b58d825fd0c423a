"""A backend's word is written down here and answered at once; `hearing` applies it.

The same words count once, and of one attempt only so many are kept.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from billing.gpu import registry
from billing.gpu.protocol import FINAL_STATES, AttemptView, State
from billing.jobs.models import Attempt, Callback
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.telemetry import tracing
from billing.transactions import forbid_transaction
from plans.asking import Given, Prepared, PreparedRows, create_unless_known

WORDS_MAX: Final = 100  # of one attempt that are kept
WORDS_AFTER_END_MAX: Final = 5
_log = structlog.get_logger(__name__)


def hear(
    *, backend: str, attempt_id: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> bytes:
    """Write a backend's callback down and have it applied; the same words count once.

    Returns what the backend wants to hear: nothing, or the echo of a challenge.

    Raises:
        CallbackUnauthenticated: not from this backend. CallbackMalformed: unreadable, or of
            another attempt. UnknownBackend: no such backend, or not that attempt's.
    """
    forbid_transaction("jobs.hear")  # a signature's key may have to be fetched
    attempt = next(iter(_of_backend(attempt=attempt_id, backend=backend)), None)
    adapter = registry.backend_for(backend)
    echo = adapter.answer_challenge(body)
    if echo is not None:
        return echo
    view = AttemptView(id=attempt_id) if attempt is None else reduced_view_of(attempt)
    said = adapter.parse_callback(headers, body, view, now=now)
    if attempt is None:
        _log.warning("callback_of_no_attempt", backend=backend, attempt_id=attempt_id)
    else:
        with tracing.joined(
            attempt.traceparent,
            f"callback {backend}",
            tracing.Kind.SERVER,
            {"attempt_id": attempt_id},
        ):
            _write_down(attempt, body, said.state, now)
    return b""


_of_backend = PreparedRows(
    lambda: Attempt.objects.filter(pk=Given("attempt"), backend=Given("backend"))
)


@transaction.atomic(durable=True)
def _write_down(attempt: Attempt, body: bytes, said: State, now: datetime) -> None:
    """Keep a callback and have it applied, in one commit; of too many, none is kept."""
    digest = hashlib.sha256(body).digest()
    words = _words(attempt=attempt.pk)
    if any(bytes(known) == digest for known, _received_at in words):
        return
    if not _has_room(attempt, said, [received_at for _known, received_at in words]):
        _log.warning("too_many_callbacks", attempt_id=attempt.pk, backend=attempt.backend)
        return
    callback = Callback(attempt=attempt, digest=digest, body=body, received_at=now)
    if create_unless_known(callback):
        outbox.post(TaskName.APPLY_CALLBACK, now=now, callback_id=callback.pk)


_words = Prepared(
    lambda: Callback.objects.filter(attempt=Given("attempt")).values_list("digest", "received_at")
)


def _has_room(attempt: Attempt, said: State, received: Sequence[datetime]) -> bool:
    """Say whether one more word of the attempt is kept; what is not, the sweep asks for.

    Progress leaves room for an end, and an attempt that has ended keeps a few: a late success.

    Args:
        received: when those came that are kept.
    """
    if attempt.ended_at is not None:
        return sum(at >= attempt.ended_at for at in received) < WORDS_AFTER_END_MAX
    return len(received) < WORDS_MAX + (WORDS_AFTER_END_MAX if said in FINAL_STATES else 0)


def reduced_view_of(attempt: Attempt) -> AttemptView:
    """Return of an attempt what is needed to read what a backend says of it: no order."""
    return AttemptView(id=attempt.pk, provider_id=attempt.provider_id, context=attempt.context)
