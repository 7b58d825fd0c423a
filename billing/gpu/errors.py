"""Refusals of the GPU package that reach a caller: a backend's callback, or an order."""

from billing.errors import DomainError, ErrorKind


class CallbackUnauthenticated(DomainError):
    """A callback whose path token or credential is not ours; nothing of it was read."""

    code = "callback_unauthenticated"
    kind = ErrorKind.UNAUTHENTICATED


class CallbackMalformed(DomainError):
    """A callback from the right backend that cannot be read, or speaks of another attempt."""

    code = "callback_malformed"
    kind = ErrorKind.MALFORMED


class UnknownBackend(DomainError):
    """No backend of that name is configured (any more)."""

    code = "unknown_backend"
    kind = ErrorKind.NOT_FOUND


class NoBackend(DomainError):
    """No configured backend makes what was ordered."""

    code = "no_backend"
    kind = ErrorKind.UNAVAILABLE
