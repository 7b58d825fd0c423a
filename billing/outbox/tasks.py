"""What turns a function into the consumer of messages, and the outbox's own two tasks."""

import inspect
import traceback
from collections.abc import Callable
from typing import Any, Final

import structlog
from celery import shared_task
from django.db import close_old_connections
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from billing.http.logs import redact
from billing.outbox import selectors, services
from billing.outbox.names import TaskName
from billing.telemetry import meters, tracing

# So many batches a round at most: a long backlog must not keep one worker for itself.
_BATCHES: Final = 10

_log = structlog.get_logger(__name__)


class InHand(Exception):
    """Another run is at work on the same: this one is not counted, and the message stays open."""


def errand(name: TaskName) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register the decorated function as what runs messages called `name`.

    The function takes its ids by keyword and `**_future`, so that an old worker survives a new
    message. It may run any number of times, also at once with itself. When it returns, the
    message is done; when it raises, the outbox writes down why and rings again, eight times in
    all. Celery sees no failure: it has nothing to decide.
    """

    def register(body: Callable[..., None]) -> Callable[..., None]:
        _require_future(body)

        def run(*, message_id: str = "", request_id: str = "", **arguments: Any) -> None:  # noqa: ANN401 (JSON)
            with (
                bound_contextvars(request_id=request_id, message_id=message_id),
                tracing.joined(_cause_of(message_id), name.value, tracing.Kind.CONSUMER, arguments),
            ):
                _run(name, body, message_id, arguments)

        run.__doc__, run.__name__, run.__module__ = body.__doc__, body.__name__, body.__module__
        task: Callable[..., None] = shared_task(
            name=name.value, acks_late=True, ignore_result=True, typing=False
        )(run)
        return task

    return register


def _require_future(body: Callable[..., None]) -> None:
    kinds = {parameter.kind for parameter in inspect.signature(body).parameters.values()}
    if not kinds <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}:
        raise TypeError(f"{body.__name__} must take its ids by keyword only.")
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        raise TypeError(f"{body.__name__} must take **_future: newer messages may say more.")


def _cause_of(message_id: str) -> str:
    """Return the trace that the message belongs to; it is looked for only if somebody collects."""
    return selectors.traceparent_of(message_id) if message_id and tracing.is_on() else ""


def _run(
    name: TaskName, body: Callable[..., None], message_id: str, arguments: dict[str, Any]
) -> None:
    """Run `body` unless its message is closed, and tell the outbox how it went."""
    if message_id and not services.begin(message_id, now=timezone.now()):
        meters.came_to("closed")  # another run has done it, or it is dead
        return
    try:
        body(**arguments)
    except InHand:
        meters.came_to("in_hand")
        if message_id:
            services.uncount(message_id)
    except Exception as problem:
        if not message_id:
            raise
        meters.came_to("failed")
        tracing.failed(type(problem).__name__)
        _log.warning("errand_failed", task=name.value, traceback=redact(traceback.format_exc()))
        close_old_connections()  # the database may be what failed
        reason = f"{type(problem).__name__}: {problem}"
        services.fail(message_id, error=reason, now=timezone.now())
    else:
        if message_id:
            services.finish(message_id, now=timezone.now())


@shared_task(name=TaskName.RING_DUE.value, acks_late=False, ignore_result=True, typing=False)
def ring_due(**_future: object) -> None:
    """Call workers again for what the broker forgot. Lost or doubled, the next one makes good."""
    for _batch in range(_BATCHES):
        if services.ring_due(now=timezone.now()) < services.BATCH:
            return


@shared_task(name=TaskName.BEAT_HEART.value, acks_late=False, ignore_result=True, typing=False)
def beat_heart(**_future: object) -> None:
    """Show that workers consume, and forget a few messages that are long done."""
    now = timezone.now()
    services.beat_heart(now=now)
    services.prune(now=now)
