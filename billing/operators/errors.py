"""What is refused to somebody who would be an operator."""

from typing import ClassVar

from billing.errors import DomainError, ErrorKind


class SignInRefused(DomainError):
    """The name or the password is wrong, or no operator's; nobody is told which."""

    code: ClassVar[str] = "sign_in_refused"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED


class TooManyTries(DomainError):
    """So many wrong tries that even a right one does not count for a while."""

    code: ClassVar[str] = "too_many_tries"
    kind: ClassVar[ErrorKind] = ErrorKind.LIMITED


class WrongCode(DomainError):
    """A code that is wrong, too old, or used before."""

    code: ClassVar[str] = "wrong_code"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED


class NotToBeReset(DomainError):
    """A second factor that this person may not reset, or that is none."""

    code: ClassVar[str] = "second_factor_not_reset"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN


class UnknownOperator(DomainError):
    """There is no operator of that name, or there is one already."""

    code: ClassVar[str] = "unknown_operator"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
