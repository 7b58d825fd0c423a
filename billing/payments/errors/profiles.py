"""What is refused of a billing profile."""

from billing.errors import DomainError, ErrorKind


class InvalidBillingProfile(DomainError):
    """What no 发票 can be made out by."""

    code = "invalid_billing_profile"
    kind = ErrorKind.INVALID

    def __init__(self, sentence: str, *, field: str) -> None:
        super().__init__(sentence, field=field)
