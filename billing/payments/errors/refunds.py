"""What is refused before money goes back."""

from collections.abc import Mapping

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class InvalidRefund(DomainError):
    """A refund that cannot be asked for like this."""

    code = "invalid_refund"
    kind = ErrorKind.INVALID


class RefundTooLarge(DomainError):
    """More is to go back than is left of what was paid."""

    code = "refund_too_large"
    kind = ErrorKind.INVALID

    def __init__(self, *, left: Mapping[str, str]) -> None:
        super().__init__(
            _("Of this payment %(amount)s %(currency)s can go back at most.") % left,
            field="amount",
            left=dict(left),
        )


class PaymentDisputed(DomainError):
    """A payment that its buyer contests: his bank has the money, and decides."""

    code = "payment_disputed"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            _("This payment is disputed: the money is with the bank. Answer the dispute instead.")
        )


class NotReturnable(DomainError):
    """A purchase that its cooling-off does not let go back, or not any more."""

    code = "not_returnable"
    kind = ErrorKind.INVALID

    def __init__(self, sentence: str, *, reason: str) -> None:
        super().__init__(sentence, field="rule", reason=reason)


class RefundChanged(DomainError):
    """What would go back is not what was asked for: credits were used since."""

    code = "refund_changed"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, amount: Mapping[str, str]) -> None:
        super().__init__(
            _(
                "Credits of this purchase were used since the request; by now %(amount)s "
                "%(currency)s would go back. Refuse it, and request that."
            )
            % amount,
            amount=dict(amount),
        )


class RefundDecided(DomainError):
    """A refund that was approved, refused or withdrawn before."""

    code = "refund_decided"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, state: str) -> None:
        super().__init__(
            _("This refund is %(state)s; nothing can be decided any more.") % {"state": state},
            state=state,
        )


class OwnRefund(DomainError):
    """Who has asked for a refund cannot be the one who decides on it."""

    code = "own_refund"
    kind = ErrorKind.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(_("Another person must decide on this refund: you have requested it."))


class NotYourRefund(DomainError):
    """Only who has asked for a refund can take that back."""

    code = "not_your_refund"
    kind = ErrorKind.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(_("Only the person who has requested this refund can withdraw it."))
