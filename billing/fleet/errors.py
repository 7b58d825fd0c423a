"""What operators of backends are refused."""

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class ReasonMissing(DomainError):
    """A backend is kept from work without a word why."""

    code = "reason_missing"
    kind = ErrorKind.INVALID

    def __init__(self) -> None:
        super().__init__(_("Say why: who comes after you reads it."), field="reason")


class NoSuchBreaker(DomainError):
    """No order for that model has ever failed at that backend."""

    code = "no_such_breaker"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, *, backend: str, model: str) -> None:
        super().__init__(
            _("%(backend)s has never failed at %(model)s.") % {"backend": backend, "model": model},
            backend=backend,
            model=model,
        )
