"""The one base of all refusals: a value with a name, a kind, a sentence and its facts."""

from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    """What the caller can do about a refusal; `billing.http.problems` maps each to a status."""

    MALFORMED = "malformed"  # send a request that can be read
    UNAUTHENTICATED = "unauthenticated"  # say who you are
    PAYMENT_REQUIRED = "payment_required"  # get credits, then order anew
    FORBIDDEN = "forbidden"  # needs another plan, role or scope
    NOT_FOUND = "not_found"  # nothing of that name is yours
    CONFLICT = "conflict"  # read the resource again, then decide
    TOO_LARGE = "too_large"  # send less
    INVALID = "invalid"  # correct the request
    LIMITED = "limited"  # repeat later, or after something of yours has ended
    UNAVAILABLE = "unavailable"  # repeat later, unchanged


class DomainError(Exception):
    """A refusal: raised by services, carried to the caller, never a defect of the program.

    Attributes:
        code: public and stable name; unique among all refusals.
        kind: what the caller can do about it.
        message: one sentence for a person, with the numbers.
        facts: the same for a program; each value can be written as JSON.
    """

    code: ClassVar[str]
    kind: ClassVar[ErrorKind]

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
