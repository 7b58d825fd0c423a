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
    """More than one person may decide by himself (`ALERT_SILENCE_HOURS`)."""

    code = "silence_too_long"
    kind = ErrorKind.INVALID

    def __init__(self, *, hours: int) -> None:
        super().__init__(
            _(
                "A silence lasts an hour to %(hours)s hours. Silence it anew by then, or have "
                "whoever runs the service switch the rule off (ALERT_RULES)."
            )
            % {"hours": hours},
            field="hours",
            hours=hours,
        )
