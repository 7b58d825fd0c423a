"""What the clients of a fault have asked, and what they were told: kept apart from the product."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

_IN_PROGRESS: Final = "idempotency_in_progress"


class Ask(StrEnum):
    """What a client may ask for."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    CLAIM = "check-in"
    GRANT = "grant"


class Told(StrEnum):
    """What a client knows of a request."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass
class Written:
    """One request, as its client wrote it down before it was sent, and what was answered.

    Attributes:
        number: single in the whole run; the request carries it.
        of: for a wish to cancel, the number of the order.
        status: of the last answer that was heard; 0: none yet.
        at_first: what the first try told; what stands now may be known from a later one.
        times: how often it was sent.
        is_told_badly: trouble was once told as something else than a 503 that says when to come
            again.
        asked_at, heard_at: of the first try, by the monotonic clock.
    """

    number: int
    customer: int
    ask: Ask
    path: str
    body: Mapping[str, Any]
    key: str
    asked_at: float
    seconds: int = 0
    credits: int = 0
    of: int = -1
    status: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict)
    at_first: Told = Told.UNKNOWN
    times: int = 0
    is_told_badly: bool = False
    heard_at: float = 0.0

    @property
    def told(self) -> Told:
        """What is known by now."""
        return told_by(self.status, self.answer)


def told_by(status: int, answer: Mapping[str, Any]) -> Told:
    """Return what an answer tells: one of the server's own trouble leaves everything open."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Told.ACKNOWLEDGED
    if status == HTTPStatus.TOO_MANY_REQUESTS or answer.get("code") == _IN_PROGRESS:
        return Told.UNKNOWN
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Told.REFUSED
    return Told.UNKNOWN
