"""The only writer of the outbox: posts errands, has them rung until done, buries the hopeless.

Lock order: a message is locked last, and by nobody who waits for anything else.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext as _

from billing.http.logs import redact
from billing.http.requests import request_id
from billing.outbox import gateway, pauses
from billing.outbox.gateway import Hint, Ring
from billing.outbox.models import ERROR_LENGTH_MAX, Message
from billing.outbox.names import QUEUES, TaskName
from billing.outbox.selectors import HEARTBEAT_KEY
from billing.telemetry import tracing
from billing.transactions import forbid_transaction, require_transaction
from plans import asking

BATCH: Final = 100
_PRUNE_BATCH: Final = 500
_ARGUMENT_LENGTH_MAX: Final = 128
_HEARTBEAT_KEPT_SECONDS: Final = 24 * 3600
_BEGIN: Final = """
    UPDATE billing_message SET runs = runs + 1, ring_at = %(again_at)s, due_at = %(again_at)s
    WHERE id = %(message)s AND ring_at IS NOT NULL AND runs < %(most)s
    RETURNING id
"""
_FINISH: Final = """
    UPDATE billing_message SET ring_at = NULL, done_at = %(now)s
    WHERE id = %(message)s AND ring_at IS NOT NULL
"""

_log = structlog.get_logger(__name__)


def post(
    task: TaskName, *, now: datetime, not_before: datetime | None = None, **arguments: str
) -> None:
    """Have `task` done after this transaction commits, at least once, whatever crashes.

    A worker is called right after the commit, without waiting for the broker; if that call is
    lost, `ring_due` calls again. Rolled back, nothing was posted.

    Args:
        task: what a worker shall do.
        now: the real instant, not that of a sandbox's clock: workers live in real time.
        not_before: call no worker before it; None means at once.
        arguments: ids of what to work on; what they stand for is read when the task runs.
    """
    require_transaction("outbox.post")
    _require_ids(arguments)
    later = not_before if not_before is not None and not_before > now else None
    with tracing.span(f"post {task}", tracing.Kind.PRODUCER, arguments):
        message = Message(
            task=task.value,
            arguments=arguments,
            queue=QUEUES[task],
            request_id=request_id()[:64],
            traceparent=tracing.traceparent(),
            created_at=now,
            rings=0 if later else 1,
            ring_at=later or now + pauses.after_ring(1),
            due_at=later or now,
        )
        asking.create(message)
    if later is None:
        # Beside `hint` the one use of on_commit: what it does may be lost, the row may not.
        transaction.on_commit(partial(gateway.nudge, _ring(message)), robust=True)


def hint(topic: str, word: str) -> None:
    """Say a word to whoever listens to `topic` once this transaction has committed.

    It may be lost, and nobody waits for the broker: who listens must find out without it, only
    later.
    """
    require_transaction("outbox.hint")
    transaction.on_commit(partial(gateway.nudge, Hint(topic, word)), robust=True)


def ring_due(*, now: datetime) -> int:
    """Call workers for what is due and not done, 100 messages at most. Return how many were rung.

    Two of these at once never ring the same message. What the broker did not take stays due.
    """
    forbid_transaction("outbox.ring_due")
    if gateway.was_wiped():
        _make_due_again(now)
    due = _take_due(now)
    untaken = gateway.ring(due)
    if untaken:
        _put_back(untaken, now)
    return len(due) - len(untaken)


def begin(message_id: str, *, now: datetime) -> bool:
    """Return whether the message is to be run now; its run is counted before it starts.

    Counting first also buries what kills its worker each time, and so never reports a failure.
    """
    facts = {"message": message_id, "again_at": now + pauses.RUN_GRACE, "most": pauses.RUNS_MAX}
    [begun] = asking.ask((_BEGIN, facts))
    if begun:
        return True
    open_message = Message.objects.filter(pk=message_id, ring_at__isnull=False)
    reason = Coalesce(NullIf("error", Value("")), Value(_("No run came to an end.")))
    if open_message.filter(runs__gte=pauses.RUNS_MAX).update(
        ring_at=None, dead_at=now, error=reason
    ):
        _log.error("message_is_dead", message_id=message_id)
    return False


def uncount(message_id: str) -> None:
    """Take a run back that found another at work; the message is rung again until that ends."""
    Message.objects.filter(pk=message_id, ring_at__isnull=False, runs__gt=0).update(
        runs=F("runs") - 1
    )


def finish(message_id: str, *, now: datetime) -> None:
    """Close the message as done. A repeat changes nothing, and the dead stay dead."""
    asking.tell((_FINISH, {"message": message_id, "now": now}))


@transaction.atomic(durable=True)
def fail(message_id: str, *, error: str, now: datetime) -> None:
    """Write down why a run went wrong: it is rung again after a pause, or dead after 8 runs.

    A message that another run has finished stays finished.
    """
    message = Message.objects.select_for_update().filter(pk=message_id).first()
    if message is None or message.ring_at is None:
        return
    # PostgreSQL takes no NUL in a text, and an error may quote anything.
    message.error = redact(error).replace("\x00", "�")[:ERROR_LENGTH_MAX] or _("No reason given.")
    if message.runs >= pauses.RUNS_MAX:
        message.ring_at, message.dead_at = None, now
        _log.error("message_is_dead", message_id=message_id, task=message.task)
    else:
        message.ring_at = message.due_at = now + pauses.after_failure(max(message.runs, 1))
    message.save(update_fields=["error", "ring_at", "due_at", "dead_at"])


def revive(message_id: str, *, now: datetime) -> bool:
    """Give a dead message all its runs again, due now. Return whether it was dead."""
    return bool(
        Message.objects.filter(pk=message_id, dead_at__isnull=False).update(
            dead_at=None, ring_at=now, due_at=now, rings=0, runs=0
        )
    )


def prune(*, now: datetime) -> int:
    """Forget some of the messages done for over 7 days; small, so that nobody waits for it."""
    old = Message.objects.filter(done_at__lt=now - pauses.KEEP_DONE).order_by("done_at")
    gone, _by_model = Message.objects.filter(
        pk__in=list(old.values_list("pk", flat=True)[:_PRUNE_BATCH])
    ).delete()
    return gone


def beat_heart(*, now: datetime) -> None:
    """Tell `selectors.heartbeat_age` that a worker took a task off its queue at `now`.

    A replica learns its age by what it hears: a commit of nothing tells it that nothing was said.
    """
    cache.set(HEARTBEAT_KEY, int(now.timestamp()), timeout=_HEARTBEAT_KEPT_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")


def _require_ids(arguments: Mapping[str, object]) -> None:
    for name, value in arguments.items():
        if not isinstance(value, str) or not 0 < len(value) <= _ARGUMENT_LENGTH_MAX:
            raise TypeError(f"A message carries ids; {name} is {type(value).__name__}.")
        if name in {"message_id", "request_id"}:
            raise TypeError(f"{name} is the outbox's own argument.")


@transaction.atomic(durable=True)
def _take_due(now: datetime) -> list[Ring]:
    """Claim up to a batch of due messages, the longest due first, by moving them into the future.

    Committed before anything is sent: the broker is not waited for while rows are locked, and
    a relay that dies in between only delays what it took.
    """
    due = list(
        Message.objects.select_for_update(skip_locked=True)
        .filter(ring_at__lte=now)
        .order_by("ring_at", "pk")[:BATCH]
    )
    for message in due:
        message.rings += 1
        message.ring_at = now + pauses.after_ring(message.rings)
    Message.objects.bulk_update(due, ["rings", "ring_at"])
    return [_ring(message) for message in due]


def _put_back(untaken: list[Ring], now: datetime) -> None:
    """Make due again what the broker did not take, unless somebody has moved it since."""
    Message.objects.filter(
        pk__in=[ring.message_id for ring in untaken], ring_at__gt=now, rings__gt=0
    ).update(ring_at=now, rings=F("rings") - 1)


def _make_due_again(now: datetime) -> None:
    """After the broker lost its memory: whatever was rung is in nobody's queue any more.

    What failed keeps its pause, and what waits for its instant was never rung.
    """
    Message.objects.filter(ring_at__gt=now, rings__gt=0, error="").update(ring_at=now)


def _ring(message: Message) -> Ring:
    return Ring(
        message_id=message.pk,
        task=message.task,
        queue=message.queue,
        arguments=message.arguments,
        request_id=message.request_id,
    )
