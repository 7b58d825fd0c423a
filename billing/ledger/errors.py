"""What the ledger refuses."""

from billing.errors import DomainError, ErrorKind
from plans.credits import format_micros
from plans.wording import gettext as _


class InsufficientCredits(DomainError):
    """The wallet's free, unexpired credits that may pay this order fall short of the price."""

    code = "insufficient_credits"
    kind = ErrorKind.PAYMENT_REQUIRED

    def __init__(
        self, *, need_micros: int, available_micros: int, unusable_micros: int = 0
    ) -> None:
        """Say what is missing.

        Args:
            available_micros: what this order may use.
            unusable_micros: what is free beside that, and may pay other orders only.
        """
        need, available = format_micros(need_micros), format_micros(available_micros)
        unusable = format_micros(unusable_micros)
        sentence = (
            _(
                "This costs %(need)s credits; the wallet has %(available)s for it, and "
                "%(unusable)s that cannot pay for it."
            )
            if unusable_micros
            else _("This costs %(need)s credits; the wallet has %(available)s.")
        )
        super().__init__(
            sentence % {"need": need, "available": available, "unusable": unusable},
            need=need,
            available=available,
            short=format_micros(need_micros - available_micros),
            unusable=unusable,
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
