"""What is refused about accounts; most refusals of identity are those of `billing.http.errors`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Final, Self

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class InvalidAccount(DomainError):
    """An account or a key cannot be made or changed like this."""

    code: ClassVar[str] = "invalid_account"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID


class InvalidSignal(DomainError):
    """A signal's value is none of its kind."""

    code: ClassVar[str] = "invalid_signal"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID


class AccountFrozen(DomainError):
    """An operator has frozen the account: by what it does, it gets, buys and spends nothing."""

    code: ClassVar[str] = "account_frozen"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN

    def __init__(self, *, since: datetime) -> None:
        super().__init__(
            _("This account is frozen; what it has stays, and support can say more."),
            since=since.isoformat(),
        )


class FreezeRefused(DomainError):
    """An account cannot be frozen, or let go on, like this."""

    code: ClassVar[str] = "freeze_refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT

    @classmethod
    def is_frozen(cls) -> Self:
        """Return that it is frozen already."""
        return cls(_("The account is frozen already."))

    @classmethod
    def is_free(cls) -> Self:
        """Return that it is not frozen."""
        return cls(_("The account is not frozen."))

    @classmethod
    def has_no_reason(cls) -> Self:
        """Return that nobody has said why."""
        return cls(_("Say why, in 1 to 500 characters."))


class FreeTierRefused(DomainError):
    """The account has not the free plan's allowances: the facts say why, and what mends it."""

    code: ClassVar[str] = "free_tier_refused"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN

    def __init__(
        self,
        *,
        reason: str,
        remedy: str,
        retry_at: datetime | None,
        missing: Sequence[str] | None = None,
    ) -> None:
        """Say why.

        Args:
            missing: the kinds of signals that are still needed; None: that is not for the one
                who asks to know.
        """
        told = {} if missing is None else {"missing": list(missing)}
        super().__init__(
            _SENTENCES[reason](),
            reason=reason,
            remedy=remedy,
            retry_at=None if retry_at is None else retry_at.isoformat(),
            **told,
        )


_SENTENCES: Final[Mapping[str, Callable[[], str]]] = {
    "signals_missing": lambda: _(
        "Free credits begin once the platform has verified what they need to know of you."
    ),
    "identity_taken": lambda: _(
        "Free credits are for one account of each person; yours came with another account."
    ),
    "ip_day_full": lambda: _("Today's free sign-ups from your network are used up."),
    "ip_window_full": lambda: _(
        "The free sign-ups from your network are used up; later there are more."
    ),
    "day_full": lambda: _("Today's free sign-ups are used up."),
}
