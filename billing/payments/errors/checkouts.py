"""What is refused before anybody is sent to pay."""

from typing import Final

from billing.errors import DomainError, ErrorKind
from billing.subscriptions.errors import AlreadySubscribed
from plans.wording import gettext as _

_RETRY_SECONDS: Final = 10


class PaymentsNotConfigured(DomainError):
    """This service takes no money, or none for this kind of account."""

    code = "payments_not_configured"
    kind = ErrorKind.UNAVAILABLE

    def __init__(self, *, is_sandbox: bool = False) -> None:
        """Say so.

        Args:
            is_sandbox: the key moves real money, which a sandbox account has none of.
        """
        super().__init__(
            _("Sandbox accounts never pay real money; give the service a test key of Stripe.")
            if is_sandbox
            else _("Nothing can be paid here: the service has no key of Stripe.")
        )


class PaymentsAway(DomainError):
    """Stripe did not answer; nothing is lost, and the same request goes on with what was begun."""

    code = "payments_away"
    kind = ErrorKind.UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            _("The payment service does not answer; repeat the request with the same key."),
            retry_after_seconds=_RETRY_SECONDS,
        )


class PaymentsRefused(DomainError):
    """Stripe has understood what was asked, and does not do it."""

    code = "payments_refused"
    kind = ErrorKind.INVALID

    def __init__(self, *, reason: str) -> None:
        super().__init__(
            _("The payment service refuses this: %(reason)s.") % {"reason": reason}, reason=reason
        )


class PriceOutOfStep(DomainError):
    """Stripe asks another price than the catalog; nobody is sent to pay the wrong one."""

    code = "price_out_of_step"
    kind = ErrorKind.UNAVAILABLE

    def __init__(self, *, lookup_key: str) -> None:
        super().__init__(
            _("This cannot be bought at the moment: its price is being brought up to date."),
            lookup_key=lookup_key,
            retry_after_seconds=60,
        )


class CannotBePaid(DomainError):
    """None of the ways to pay that the catalog names for the currency can pay for this."""

    code = "no_payment_method"
    kind = ErrorKind.INVALID

    def __init__(self, *, currency: str) -> None:
        super().__init__(
            _("There is no way to pay for this in %(currency)s.") % {"currency": currency},
            currency=currency,
        )


class SubscribedAlready(AlreadySubscribed):
    """Who pays for a plan changes it; a second one is not sold to him."""

    def __init__(self, *, plan: str) -> None:
        DomainError.__init__(
            self,
            _(
                "The account is on the plan %(plan)s already; change it with "
                "POST /v1/subscription/change."
            )
            % {"plan": plan},
            plan=plan,
            change="/v1/subscription/change",
        )


class UnsafeAddress(DomainError):
    """An address to lead back to that nobody should be led to."""

    code = "unsafe_address"
    kind = ErrorKind.INVALID

    def __init__(self, *, pointer: str) -> None:
        sentence = _("Give an https address; one on this machine is taken where nobody pays.")
        super().__init__(
            sentence, errors=[{"pointer": pointer, "code": self.code, "detail": sentence}]
        )
