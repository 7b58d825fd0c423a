"""What is refused where Stripe's time would have to follow ours."""

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class CustomerHasNoClock(DomainError):
    """Stripe knows the account's customer already, and gives no test clock to whom it knows."""

    code = "customer_has_no_clock"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, account: str) -> None:
        super().__init__(
            _(
                "The account %(account)s has paid at Stripe before it lived by a test clock; "
                "put a new account on the clock."
            )
            % {"account": account},
            account=account,
        )
