"""What subscriptions refuse."""

from django.utils.translation import gettext as _

from billing.errors import DomainError, ErrorKind


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
