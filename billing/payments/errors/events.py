"""What is refused of those who say that they are Stripe."""

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class NotFromStripe(DomainError):
    """Nothing proves that this is an event of Stripe's, for this service, of now."""

    code = "event_not_proven"
    kind = ErrorKind.MALFORMED

    def __init__(self) -> None:
        """Say nothing of what is wrong: whoever forges must not learn from it."""
        super().__init__(_("This is no event that Stripe has signed for this service."))
