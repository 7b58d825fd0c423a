"""What is refused of a subscription that is paid for."""

from datetime import datetime

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class NothingChanges(DomainError):
    """The account is on that plan, at that price, already."""

    code = "nothing_changes"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, plan: str) -> None:
        super().__init__(_("The account is on %(plan)s already.") % {"plan": plan}, plan=plan)


class NotNow(DomainError):
    """The change is possible when the period ends, and not before."""

    code = "change_at_period_end_only"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, at: datetime) -> None:
        super().__init__(
            _("This change is possible when the period that is paid for ends, at %(at)s.")
            % {"at": at.isoformat()},
            at=at.isoformat(),
        )


class PlanIsPaused(DomainError):
    """Nothing is collected for the plan while it is paused, so no other begins at once."""

    code = "plan_is_paused"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            _("The plan is paused; it can be changed at once when it is collected for again.")
        )


class PaymentIsDue(DomainError):
    """What is due must be paid before anything else is bought."""

    code = "payment_is_due"
    kind = ErrorKind.PAYMENT_REQUIRED

    def __init__(self, *, pay_url: str) -> None:
        super().__init__(_("The last bill is not paid; pay that first."), pay_url=pay_url)


class PreviewIsOld(DomainError):
    """It costs something else than was agreed to: time has passed, or credits were spent."""

    code = "preview_outdated"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, due: dict[str, str]) -> None:
        super().__init__(
            _("This costs %(amount)s %(currency)s by now; look at the preview again.") % due,
            due=due,
        )


class ChangeUnderWay(DomainError):
    """An earlier change of the plan has not ended."""

    code = "change_under_way"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, pay_url: str) -> None:
        super().__init__(
            _("An earlier change of the plan waits to be paid, or to be carried out."),
            pay_url=pay_url or None,
        )


class PaymentFailed(DomainError):
    """The bank has said no: nothing has changed, and nothing was paid."""

    code = "payment_failed"
    kind = ErrorKind.PAYMENT_REQUIRED

    def __init__(self, *, reason: str) -> None:
        super().__init__(
            _("The payment was declined (%(reason)s). The plan stays as it was.")
            % {"reason": reason},
            reason=reason,
        )
