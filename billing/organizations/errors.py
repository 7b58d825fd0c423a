"""What organizations refuse."""

from billing.errors import DomainError, ErrorKind
from plans.credits import format_micros
from plans.wording import gettext as _


class NoSeatLeft(DomainError):
    """As many members belong to the organization as its subscription has seats."""

    code = "no_seat_left"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, seats: int) -> None:
        super().__init__(
            _("All %(seats)s seats of the organization are taken.") % {"seats": seats}, seats=seats
        )


class LastOwner(DomainError):
    """An organization keeps one owner at least."""

    code = "last_owner"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("This is the last owner; make somebody else an owner first."))


class AlreadyMember(DomainError):
    """The person belongs to the organization, or is invited already."""

    code = "already_member"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, state: str) -> None:
        super().__init__(_("This person is a member, or invited, already."), state=state)


class NotAMember(DomainError):
    """The membership has ended, or has not begun."""

    code = "not_a_member"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, state: str) -> None:
        super().__init__(_("This person is no member of the organization."), state=state)


class InvitationsFull(DomainError):
    """So many people are invited that some must answer first."""

    code = "invitations_full"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, limit: int) -> None:
        super().__init__(
            _("%(limit)s people are invited and have not answered yet.") % {"limit": limit},
            limit=limit,
        )


class NotTransferable(DomainError):
    """The catalog lets nobody give credits to others."""

    code = "not_transferable"
    kind = ErrorKind.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(
            _(
                "Credits cannot be given to others here: the catalog's [transfers] names no "
                "`sources` of credits that can be."
            ),
            sources=[],
        )


class TransferTooSmall(DomainError):
    """Less is given than the catalog lets be given at once."""

    code = "transfer_too_small"
    kind = ErrorKind.INVALID

    def __init__(self, *, minimum_micros: int) -> None:
        least = format_micros(minimum_micros)
        sentence = _("At least %(least)s credits are given at once.") % {"least": least}
        complaint = {"pointer": "/credits", "code": self.code, "detail": sentence}
        super().__init__(sentence, minimum=least, errors=[complaint])


class ToOneself(DomainError):
    """Credits are given to somebody else."""

    code = "to_oneself"
    kind = ErrorKind.INVALID

    def __init__(self) -> None:
        super().__init__(_("Credits cannot be given to the wallet that they come from."))


class EndIsNotAhead(DomainError):
    """An allotment ends after it begins."""

    code = "end_is_not_ahead"
    kind = ErrorKind.INVALID

    def __init__(self, *, now: str) -> None:
        sentence = _("The end of an allotment lies ahead of now, %(now)s.") % {"now": now}
        complaint = {"pointer": "/expires_at", "code": self.code, "detail": sentence}
        super().__init__(sentence, now=now, errors=[complaint])
