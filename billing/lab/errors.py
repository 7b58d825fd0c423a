"""What the pricing lab refuses."""

from django.utils.translation import gettext as _

from billing.errors import DomainError, ErrorKind


class NoCatalogYet(DomainError):
    """A draft that cannot be published as it stands."""

    code = "draft_is_no_catalog"
    kind = ErrorKind.INVALID

    def __init__(self, *, first: str) -> None:
        super().__init__(
            _("The draft is no catalog yet: %(first)s") % {"first": first}, field="draft"
        )


class InvalidRange(DomainError):
    """A stretch of time that has no jobs to look at, or more than can be looked at at once."""

    code = "invalid_range"
    kind = ErrorKind.INVALID


class InvalidRequest(DomainError):
    """Something is missing in what is asked for; `field` says where."""

    code = "invalid_publication_request"
    kind = ErrorKind.INVALID


class NothingChanges(DomainError):
    """What is asked for will be in force by then anyway."""

    code = "nothing_changes"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("Just this will be in force then anyway: there is nothing to publish."))


class AlreadyAsked(DomainError):
    """A draft of which one request waits for a decision."""

    code = "already_asked"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("A request for this draft waits for a decision already."))


class GroundShifted(DomainError):
    """Another catalog will be in force by then than the one against which it was asked for."""

    code = "ground_shifted"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            _(
                "Another catalog will be in force until then than when this was asked for, so its "
                "changes are not those that were looked at. Refuse it, and ask anew."
            )
        )


class ShareOver(DomainError):
    """A link to a result that opens nothing: forged, over, or taken back."""

    code = "share_over"
    kind = ErrorKind.NOT_FOUND

    def __init__(self) -> None:
        super().__init__(_("This link opens nothing, or nothing any more."))
