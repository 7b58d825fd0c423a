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
