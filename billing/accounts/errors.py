"""What is refused about accounts; most refusals of identity are those of `billing.http.errors`."""

from typing import ClassVar

from billing.errors import DomainError, ErrorKind


class InvalidAccount(DomainError):
    """An account or a key cannot be made or changed like this."""

    code: ClassVar[str] = "invalid_account"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
