"""What the status of an HTTP answer means for an attempt; vendors agree on little else. Pure."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from http import HTTPStatus
from typing import Final, NoReturn

from django.utils.translation import gettext as _

from billing.gpu.errors import CallbackMalformed
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AuthError,
    BackendError,
    Fail,
    Health,
    Readiness,
    Rejected,
)
from billing.gpu.reading import Unreadable, fail_class
from billing.gpu.wire import Reply

_RETRY_AFTER_SECONDS_MAX: Final = 3600
_YES: Final = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED)
_NO: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
# 204 and its like say yes to something, but not to what.
_NOBODY_KNOWS: Final = (*range(100, 300), HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT)


def require_accepted(
    reply: Reply, *, reason: str, fail: Fail | None = None, later: Collection[int] = ()
) -> None:
    """Return for an answer that means yes; raise what any other one means.

    Args:
        reason: why, in the backend's words, found in the body; holds no prompt.
        fail: what the body says of a refusal on the merits; None: judged by the words of `reason`.
        later: further statuses by which this backend says that it takes nothing now. A gateway
            may say 409 or 503 of an order that it has passed on.

    Raises:
        AtCapacity: 429, 503 with a `Retry-After`, and `later`. Rejected: 400, 413, 422. Ambiguous:
            other 5xx, 408, 409, and a yes to nobody knows what. AuthError: everything else; it is
            about us, not about the order.
    """
    if reply.status in _YES:
        return
    said = f"The backend answered {reply.status}: {reason}"
    waits = reply.status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in reply.headers
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS or waits or reply.status in later:
        raise AtCapacity(said, retry_after_seconds=retry_after_seconds(reply))
    if reply.status in _NO:
        if fail is None:
            judged = fail_class(reason)
            fail = judged if judged == Fail.MODERATION else Fail.INVALID_INPUT
        raise Rejected(reason, fail=fail)
    if reply.status in _NOBODY_KNOWS or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Ambiguous(said)
    # Every other refusal, a redirect included, is about us: key, balance or address.
    raise AuthError(said)


def retry_after_seconds(reply: Reply) -> int:
    """Return the seconds of the answer's `Retry-After`, at most an hour; 0 when it names none."""
    said = reply.headers.get("retry-after", "")
    return min(int(said), _RETRY_AFTER_SECONDS_MAX) if said.isascii() and said.isdigit() else 0


class Refusal(StrEnum):
    """What a vendor's own code says of an order, whatever HTTP status stands beside it."""

    LATER = "later"  # nothing was taken: too many, too often, or out of order
    MODERATED = "moderated"  # the judge refuses it
    INVALID = "invalid"  # its values are refused
    OURS = "ours"  # key, balance or contract: an operator must look
    DOUBT = "doubt"  # it may have been taken


def refuse(meaning: Refusal, *, said: str, reply: Reply) -> NoReturn:
    """Raise what a vendor's refusal means.

    Args:
        said: the vendor's reason; holds no prompt.

    Raises:
        AtCapacity, Rejected, AuthError, Ambiguous: by `meaning`.
    """
    if meaning == Refusal.LATER:
        raise AtCapacity(said, retry_after_seconds=retry_after_seconds(reply))
    if meaning == Refusal.OURS:
        raise AuthError(said)
    if meaning == Refusal.DOUBT:
        raise Ambiguous(said)
    fail = Fail.MODERATION if meaning == Refusal.MODERATED else Fail.INVALID_INPUT
    raise Rejected(said, fail=fail)


@contextmanager
def callback_read() -> Iterator[None]:
    """Read a callback within; what cannot be read is malformed.

    Raises:
        CallbackMalformed: the body within has raised Unreadable.
    """
    try:
        yield
    except Unreadable as flaw:
        raise CallbackMalformed(
            _("This callback cannot be applied. %(flaw)s") % {"flaw": flaw}
        ) from None


def health_by(question: Callable[[], object]) -> Health:
    """Return READY where a cheap question is answered, and DOWN, with the reason, where it is not.

    Args:
        question: raises a BackendError where there is no good answer.
    """
    try:
        question()
    except BackendError as refusal:
        return Health(readiness=Readiness.DOWN, message=refusal.message)
    return Health(readiness=Readiness.READY)


def require_ok(reply: Reply) -> None:
    """Return for a plain 200.

    Raises:
        AuthError: any other answer.
    """
    if reply.status != HTTPStatus.OK:
        raise AuthError(f"It answered {reply.status}.")
