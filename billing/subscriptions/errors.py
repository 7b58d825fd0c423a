"""What subscriptions refuse."""

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class UnknownPlan(DomainError):
    """The catalog sells no such plan."""

    code = "unknown_plan"
    kind = ErrorKind.INVALID

    def __init__(self, *, plan: str, known: list[str]) -> None:
        super().__init__(
            _("There is no plan %(plan)s; the catalog has: %(known)s.")
            % {"plan": plan, "known": ", ".join(known)},
            plan=plan,
            known=known,
        )


class PlanNotOnSale(DomainError):
    """The plan is not sold yet, or not any more; who is on it stays."""

    code = "plan_not_on_sale"
    kind = ErrorKind.INVALID

    def __init__(self, *, plan: str) -> None:
        super().__init__(_("The plan %(plan)s is not on sale now.") % {"plan": plan}, plan=plan)


class NoSuchPrice(DomainError):
    """The plan has no price for this interval in this currency."""

    code = "no_such_price"
    kind = ErrorKind.INVALID

    def __init__(self, *, plan: str, known: list[str]) -> None:
        super().__init__(
            _("The plan %(plan)s has no such price; it is sold for: %(known)s.")
            % {"plan": plan, "known": ", ".join(known) or _("nothing")},
            plan=plan,
            known=known,
        )


class AlreadySubscribed(DomainError):
    """A membership that ends by itself does not replace one that goes on."""

    code = "already_subscribed"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, plan: str) -> None:
        super().__init__(
            _("The account is on the plan %(plan)s, which goes on; end that first.")
            % {"plan": plan},
            plan=plan,
        )


class EndIsOver(DomainError):
    """A subscription cannot end before it begins."""

    code = "end_is_over"
    kind = ErrorKind.INVALID

    def __init__(self) -> None:
        super().__init__(_("The end lies in the past."))


class NotSubscribed(DomainError):
    """The account has no subscription that could change."""

    code = "not_subscribed"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("The account has no subscription."))
