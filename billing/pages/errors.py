"""What hosted pages refuse."""

from typing import ClassVar

from django.utils.translation import gettext as _

from billing.errors import DomainError, ErrorKind


class PagesOff(DomainError):
    """This service shows no pages."""

    code: ClassVar[str] = "pages_off"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND

    def __init__(self) -> None:
        super().__init__(_("Hosted pages are turned off here."))


class NotEmbeddable(DomainError):
    """No page may show ours inside itself."""

    code: ClassVar[str] = "not_embeddable"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID

    def __init__(self) -> None:
        super().__init__(
            _("No origin may embed pages: an operator names them in PAGES_FRAME_ANCESTORS."),
            errors=[
                {"pointer": "/embed", "code": self.code, "detail": _("No origin may embed pages.")}
            ],
        )
