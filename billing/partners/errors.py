"""What programmes refuse."""

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class ProgrammeClosed(DomainError):
    """A programme by whose codes nobody can come now."""

    code = "programme_closed"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, programme: str) -> None:
        super().__init__(_("Nobody can come by this code now."), programme=programme)


class NotAPartner(DomainError):
    """A programme for partners, and the account is none, or no longer."""

    code = "not_a_partner"
    kind = ErrorKind.FORBIDDEN

    def __init__(self, *, programme: str) -> None:
        super().__init__(
            _("The programme %(programme)s is for partners that the platform has admitted.")
            % {"programme": programme},
            programme=programme,
        )


class OwnCode(DomainError):
    """Somebody would come by a code of his own."""

    code = "own_code"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("This code is your own: it is for others."))


class NotNew(DomainError):
    """The account is too old to be brought by anybody, or by this one."""

    code = "account_not_new"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, why: str, within: str) -> None:
        super().__init__(
            _("Only a new account can come by a code: before its first order, and in time."),
            why=why,
            within=within,
        )


class AlreadyReferred(DomainError):
    """The account came by another code; it does so once."""

    code = "already_referred"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, referral: str) -> None:
        super().__init__(_("This account came by another code before."), referral=referral)


class ReferralLimit(DomainError):
    """Who would bring the account has brought as many as he may."""

    code = "referral_limit"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, most: int, resets_at: str | None) -> None:
        super().__init__(_("As many have come by this code as can."), max=most, resets_at=resets_at)


class InvalidPartner(DomainError):
    """A partner who cannot be admitted like this."""

    code = "invalid_partner"
    kind = ErrorKind.INVALID
