"""What campaigns and codes refuse."""

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class CampaignClosed(DomainError):
    """A campaign that has not begun, or is over."""

    code = "campaign_closed"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, campaign: str, starts_at: str | None, ends_at: str | None) -> None:
        super().__init__(
            _("The campaign %(campaign)s gives nothing now.") % {"campaign": campaign},
            campaign=campaign,
            starts_at=starts_at,
            ends_at=ends_at,
        )


class CampaignExhausted(DomainError):
    """What the campaign may still give is less than this would be."""

    code = "campaign_exhausted"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, campaign: str) -> None:
        super().__init__(
            _("The campaign %(campaign)s has given all that it had.") % {"campaign": campaign},
            campaign=campaign,
        )


class AlreadyGranted(DomainError):
    """The account has had its share of the campaign."""

    code = "already_granted"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, campaign: str, times: int, resets_at: str | None) -> None:
        super().__init__(
            _("This account has had its share of the campaign %(campaign)s.")
            % {"campaign": campaign},
            campaign=campaign,
            times=times,
            resets_at=resets_at,
        )


class CodeExpired(DomainError):
    """A code whose time is over."""

    code = "code_expired"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, expires_at: str) -> None:
        super().__init__(_("This code is no longer valid."), expires_at=expires_at)


class CodeUsedUp(DomainError):
    """A code that was redeemed as often as it can be."""

    code = "code_used_up"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("This code has been used."))


class AlreadyRedeemed(DomainError):
    """A code that this account has redeemed before."""

    code = "already_redeemed"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, redemption: str) -> None:
        super().__init__(_("This account has redeemed this code before."), redemption=redemption)


class InvalidBatch(DomainError):
    """Codes that cannot be made like this."""

    code = "invalid_batch"
    kind = ErrorKind.INVALID


class InvalidRun(DomainError):
    """A bulk giving that cannot be named like this."""

    code = "invalid_run"
    kind = ErrorKind.INVALID

    def __init__(self, *, length_max: int) -> None:
        super().__init__(
            _("The name of a run is 1 to %(most)s characters long.") % {"most": length_max},
            max=length_max,
        )
