"""What is refused about webhook endpoints."""

from typing import ClassVar

from django.utils.translation import gettext as _

from billing.errors import DomainError, ErrorKind


class UrlRefused(DomainError):
    """The address of an endpoint is not one that we would call."""

    code: ClassVar[str] = "url_refused"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID

    def __init__(self, reason: str) -> None:
        complaint = {"pointer": "/url", "code": self.code, "detail": reason}
        super().__init__(reason, errors=[complaint])


class TooManyEndpoints(DomainError):
    """The account has as many endpoints as it may."""

    code: ClassVar[str] = "too_many_endpoints"
    kind: ClassVar[ErrorKind] = ErrorKind.LIMITED

    def __init__(self, *, limit: int) -> None:
        super().__init__(
            _("An account has at most %(limit)d webhook endpoints; delete one first.")
            % {"limit": limit},
            limit=limit,
        )


class EndpointDisabled(DomainError):
    """Nothing is sent to this endpoint any more."""

    code: ClassVar[str] = "endpoint_disabled"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("This endpoint is disabled; switch it on first."))


class TooMuchToReplay(DomainError):
    """There are more events in a stretch of time than are sent again at once."""

    code: ClassVar[str] = "too_much_to_replay"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID

    def __init__(self, *, limit: int) -> None:
        super().__init__(
            _("More than %(limit)d events fall into that time; ask for less of it.")
            % {"limit": limit},
            limit=limit,
        )


class EndpointDeleted(DomainError):
    """Its owner has deleted this endpoint; nobody brings it back."""

    code: ClassVar[str] = "endpoint_deleted"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("This endpoint was deleted."))
