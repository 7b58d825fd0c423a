"""The refusals that any edge may give: they say something about the request, not about credits."""

from typing import ClassVar

from billing.errors import DomainError, ErrorKind


class Malformed(DomainError):
    """The request cannot be read, or lacks what every request of its kind has."""

    code: ClassVar[str] = "malformed"
    kind: ClassVar[ErrorKind] = ErrorKind.MALFORMED


class Unauthenticated(DomainError):
    """Nobody known makes this request."""

    code: ClassVar[str] = "unauthenticated"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED


class Forbidden(DomainError):
    """The caller is known, and this is not his to do."""

    code: ClassVar[str] = "forbidden"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN


class NotFound(DomainError):
    """Absent, or another's: the answer is the same."""

    code: ClassVar[str] = "not_found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND


class TooLarge(DomainError):
    """The body is larger than any honest request."""

    code: ClassVar[str] = "too_large"
    kind: ClassVar[ErrorKind] = ErrorKind.TOO_LARGE


class RateLimited(DomainError):
    """Too many requests in a short time."""

    code: ClassVar[str] = "rate_limited"
    kind: ClassVar[ErrorKind] = ErrorKind.LIMITED


class Unavailable(DomainError):
    """Something that this answer needs is away for the moment."""

    code: ClassVar[str] = "unavailable"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE


class IdempotencyMismatch(DomainError):
    """The key was used before, for another request."""

    code: ClassVar[str] = "idempotency_mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID


class IdempotencyInProgress(DomainError):
    """The first request under this key has not been answered yet."""

    code: ClassVar[str] = "idempotency_in_progress"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT


class MethodNotAllowed(DomainError):
    """The resource exists and has no such method."""

    code: ClassVar[str] = "method_not_allowed"
    kind: ClassVar[ErrorKind] = ErrorKind.MALFORMED


class NotAcceptable(DomainError):
    """The caller asks for a media type that is not spoken here."""

    code: ClassVar[str] = "not_acceptable"
    kind: ClassVar[ErrorKind] = ErrorKind.MALFORMED


class UnsupportedMediaType(DomainError):
    """The body is not JSON, or does not say that it is."""

    code: ClassVar[str] = "unsupported_media_type"
    kind: ClassVar[ErrorKind] = ErrorKind.MALFORMED


class RangeNotSatisfiable(DomainError):
    """No byte of the file is in the range that is asked for."""

    code: ClassVar[str] = "range_not_satisfiable"
    kind: ClassVar[ErrorKind] = ErrorKind.MALFORMED


class Internal(DomainError):
    """A defect of this service. Never raised: it only words the answer to an unforeseen error."""

    code: ClassVar[str] = "internal"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
