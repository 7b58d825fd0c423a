"""What operators are refused about alerts."""

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class AlertClosed(DomainError):
    """The alert is well again: nothing is left to be done about it."""

    code = "alert_closed"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("This alert is closed: what it was about is well again."))


class SilenceTooLong(DomainError):
    """A silence ends within some days; what should never be told is a rule to switch off."""

    code = "silence_too_long"
    kind = ErrorKind.INVALID

    def __init__(self, *, days: int) -> None:
        super().__init__(
            _("A silence lasts at least an hour and at most %(days)s days.") % {"days": days},
            field="hours",
            days=days,
        )
