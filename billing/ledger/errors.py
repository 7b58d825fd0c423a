"""What the ledger refuses."""

from billing.errors import DomainError, ErrorKind
from plans.credits import format_micros
from plans.wording import gettext as _


class InsufficientCredits(DomainError):
    """The wallet's free, unexpired credits fall short of the price."""

    code = "insufficient_credits"
    kind = ErrorKind.PAYMENT_REQUIRED

    def __init__(self, *, need_micros: int, available_micros: int) -> None:
        need, available = format_micros(need_micros), format_micros(available_micros)
        super().__init__(
            _("This costs %(need)s credits; the wallet has %(available)s.")
            % {"need": need, "available": available},
            need=need,
            available=available,
            short=format_micros(need_micros - available_micros),
        )


class NothingToClaim(DomainError):
    """The account's plan gives no free credits that are claimed by a check-in."""

    code = "nothing_to_claim"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("This plan has no free credits to claim."))


class AmountOutOfRange(DomainError):
    """An amount of credits is not above zero, or beyond what a ledger may hold."""

    code = "amount_out_of_range"
    kind = ErrorKind.INVALID

    def __init__(self) -> None:
        super().__init__(_("An amount must be above 0 and at most 1,000,000,000,000 credits."))
