"""What test clocks refuse."""

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class ClockBusy(DomainError):
    """The clock is being advanced, or has been retired."""

    code = "clock_busy"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, status: str) -> None:
        sentence = (
            _("This clock has been retired.")
            if status == "retired"
            else _("This clock is being advanced; wait until it is ready.")
        )
        super().__init__(sentence, status=status)


class ClockGoesForward(DomainError):
    """A clock is moved forward only, and by two years at most at once."""

    code = "clock_goes_forward"
    kind = ErrorKind.INVALID

    def __init__(self, *, now: str, latest: str) -> None:
        super().__init__(
            _("The clock shows %(now)s; it can be moved to %(latest)s at most.")
            % {"now": now, "latest": latest},
            now=now,
            latest=latest,
        )

    def points_at(self, pointer: str) -> None:
        """Say which field of the request said where to go, by its JSON Pointer."""
        complaint = {"pointer": pointer, "code": self.code, "detail": self.message}
        self.facts["errors"] = [complaint]


class NotOnThisClock(DomainError):
    """An account cannot be put on this clock."""

    code = "not_on_this_clock"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, account: str, reason: str) -> None:
        sentences = {
            "on_another": _("The account %(account)s is on another clock."),
            "ahead": _("The clock of the account %(account)s is ahead of this one."),
            "full": _("There is no room for the account %(account)s on this clock."),
        }
        super().__init__(sentences[reason] % {"account": account}, account=account, reason=reason)
