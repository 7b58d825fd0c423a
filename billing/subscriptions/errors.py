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
    """The plan has no price for this interval in this currency; or one of the two is not said."""

    code = "no_such_price"
    kind = ErrorKind.INVALID

    def __init__(self, *, plan: str, known: list[str], missing: str = "") -> None:
        """Say for what it is sold.

        Args:
            missing: "currency" or "interval", where the other alone is said.
        """
        sentence = (
            _("Say the %(missing)s too; the plan %(plan)s is sold for: %(known)s.")
            if missing
            else _("The plan %(plan)s has no such price; it is sold for: %(known)s.")
        ) % {"plan": plan, "known": ", ".join(known) or _("nothing"), "missing": f"`{missing}`"}
        complaint = {"pointer": f"/{missing}", "code": "required", "detail": sentence}
        located = {"errors": [complaint]} if missing else {}
        super().__init__(sentence, plan=plan, known=known, **located)


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


class SeatsOutOfRange(DomainError):
    """The plan is not sold by seats, not for that many, or not to a person."""

    code = "seats_out_of_range"
    kind = ErrorKind.INVALID

    def __init__(self, *, plan: str, least: int, most: int) -> None:
        """Say how many there are.

        Args:
            least, most: how many seats it is sold by; 0: by none, to this account.
        """
        sentence = (
            _("The plan %(plan)s is sold for %(least)s to %(most)s seats.")
            if most
            else _("The plan %(plan)s is not sold by seats to this account.")
        )
        detail = sentence % {"plan": plan, "least": least, "most": most}
        super().__init__(
            detail,
            plan=plan,
            min=least,
            max=most,
            errors=[{"pointer": "/seats", "code": self.code, "detail": detail}],
        )


class FewerSeatsThanMembers(DomainError):
    """More members belong to the organization than there would be seats."""

    code = "fewer_seats_than_members"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, members: int, seats: int) -> None:
        super().__init__(
            _("%(members)s members need a seat; remove %(remove)s of them first.")
            % {"members": members, "remove": members - seats},
            members=members,
            seats=seats,
            remove=members - seats,
        )
