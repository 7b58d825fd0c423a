"""What the ledger refuses."""

from collections.abc import Sequence

from billing.errors import DomainError, ErrorKind
from plans.credits import format_micros
from plans.wording import gettext as _


class ClockMoved(DomainError):
    """The database's clock was set while this was written: which credits live is not sure."""

    code = "unavailable"
    kind = ErrorKind.UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            _("The clock was just set, and nothing was done. Repeat the request with the same key.")
        )


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


class NotThereToGive(InsufficientCredits):
    """Less is there that may be given, or lent, than is to be."""

    def __init__(
        self,
        *,
        need_micros: int,
        available_micros: int,
        unusable_micros: int,
        sources: Sequence[str] | None,
    ) -> None:
        """Say what is missing.

        Args:
            available_micros: what may be given.
            unusable_micros: what is free beside that, and cannot be given.
            sources: only credits of these may be; None: of any.
        """
        need, available = format_micros(need_micros), format_micros(available_micros)
        unusable = format_micros(unusable_micros)
        sentence = (
            _(
                "%(need)s credits are to be given; the wallet has %(available)s that can be, and "
                "%(unusable)s that cannot."
            )
            if unusable_micros
            else _("%(need)s credits are to be given; the wallet has %(available)s.")
        ) % {"need": need, "available": available, "unusable": unusable}
        DomainError.__init__(
            self,
            sentence,
            need=need,
            available=available,
            short=format_micros(need_micros - available_micros),
            unusable=unusable,
            sources=None if sources is None else list(sources),
            errors=[{"pointer": "/credits", "code": self.code, "detail": sentence}],
        )


class InDebt(DomainError):
    """The account owes credits; what arrives next pays that, and until then nothing is held."""

    code = "in_debt"
    kind = ErrorKind.PAYMENT_REQUIRED

    def __init__(self, *, debt_micros: int) -> None:
        debt = format_micros(debt_micros)
        super().__init__(
            _("The account owes %(debt)s credits; the next ones that arrive pay for them.")
            % {"debt": debt},
            debt=debt,
        )


class GrantsHalted(DomainError):
    """The account was given more by itself in one day than the catalog lets pass unseen."""

    code = "grants_halted"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, limit: int) -> None:
        super().__init__(
            _(
                "The account was given credits by itself %(limit)s times today; no more come "
                "until an operator has looked at it."
            )
            % {"limit": limit},
            limit=limit,
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

    def __init__(self, *, pointer: str = "") -> None:
        """Say the bounds.

        Args:
            pointer: the JSON Pointer of the amount in the request, where it is one field of it.
        """
        sentence = _("An amount must be above 0 and at most 1,000,000,000,000 credits.")
        complaint = {"pointer": pointer, "code": self.code, "detail": sentence}
        super().__init__(sentence, **({"errors": [complaint]} if pointer else {}))
