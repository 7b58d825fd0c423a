"""What the path of a job refuses."""

from collections.abc import Callable, Mapping
from typing import Final

from billing.errors import DomainError, ErrorKind
from plans.credits import format_micros
from plans.wording import gettext as _

# Asked each time, for the language is the caller's.
_UNITS: Final[Mapping[str, Callable[[], str]]] = {
    "orders": lambda: _("orders"),
    "outputs": lambda: _("videos"),
    "credits": lambda: _("credits"),
}


class IllegalMove(DomainError):
    """The job has ended, or stands where this cannot follow."""

    code = "conflict"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, source: str, target: str) -> None:
        super().__init__(
            _("A job that is %(source)s cannot become %(target)s.")
            % {"source": source, "target": target},
            source=source,
            target=target,
        )


class QuoteExpired(DomainError):
    """The quote's time is over, it was for another order, or it has made one already."""

    code = "quote_expired"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("This quote is no longer valid; ask for a new one."))


class NotEntitled(DomainError):
    """The account's plan does not include what was ordered."""

    code = "not_entitled"
    kind = ErrorKind.FORBIDDEN

    def __init__(
        self, *, detail: str, entitlement: str, limit: str, required_plan: str | None
    ) -> None:
        super().__init__(detail, entitlement=entitlement, limit=limit, required_plan=required_plan)


class Retired(DomainError):
    """The model can no longer be ordered; its catalog may name what to order instead."""

    code = "retired"
    kind = ErrorKind.INVALID

    def __init__(self, *, model: str, since: str, successor: str | None) -> None:
        detail = (
            _("The model %(model)s has been retired; order %(successor)s instead.")
            if successor
            else _("The model %(model)s has been retired.")
        ) % {"model": model, "successor": successor}
        super().__init__(
            detail,
            model=model,
            since=since,
            successor=successor,
            errors=[{"pointer": "/model", "code": "retired", "detail": detail}],
        )


class NotYet(DomainError):
    """The model cannot be ordered before an instant that is still to come."""

    code = "not_yet"
    kind = ErrorKind.INVALID

    def __init__(self, *, model: str, retry_at: str) -> None:
        detail = _("The model %(model)s can be ordered from %(instant)s on.") % {
            "model": model,
            "instant": retry_at,
        }
        super().__init__(
            detail,
            model=model,
            retry_at=retry_at,
            errors=[{"pointer": "/model", "code": "not_yet", "detail": detail}],
        )


class ConcurrencyLimit(DomainError):
    """As many jobs are under way as the plan allows, in all or of this kind."""

    code = "concurrency_limit"
    kind = ErrorKind.LIMITED

    def __init__(
        self, *, limit: int, match: Mapping[str, object] | None = None, retry_at: str | None = None
    ) -> None:
        """Say how many may run.

        Args:
            match: of which orders, where the limit is not for all.
            retry_at: about when one of them will have ended; None: nobody knows.
        """
        sentence = (
            _("Your plan runs %(limit)s jobs of this kind at once; wait until one has ended.")
            if match
            else _("Your plan runs %(limit)s jobs at once; wait until one has ended.")
        )
        super().__init__(
            sentence % {"limit": limit},
            limit=limit,
            match=dict(match or {}),
            retry_at=retry_at,
            retry_after_seconds=5,
        )


class QuotaExceeded(DomainError):
    """The plan's number of orders, outputs or credits in a window of time is used up."""

    code = "quota_exceeded"
    kind = ErrorKind.LIMITED

    def __init__(
        self,
        *,
        unit: str,
        limit: str,
        used: str,
        window: str,
        resets_at: str | None,
        retry_after_seconds: int,
    ) -> None:
        """Say how much of what is used.

        Args:
            unit: "orders", "outputs" or "credits".
            window: "day", "month", or an ISO period that rolls.
            resets_at: when the order would fit; None: never, for it is too large by itself.
        """
        super().__init__(
            _("Your plan allows %(limit)s %(unit)s in each window (%(window)s); %(used)s are used.")
            % {"limit": limit, "unit": _UNITS[unit](), "window": window, "used": used},
            unit=unit,
            limit=limit,
            used=used,
            window=window,
            resets_at=resets_at,
            retry_after_seconds=retry_after_seconds,
        )


class CeilingReached(QuotaExceeded):
    """The member has used what his organization lets him use of its credits."""

    def __init__(
        self,
        *,
        limit: str,
        used: str,
        left: str,
        window: str,
        resets_at: str | None,
        retry_after_seconds: int,
    ) -> None:
        """Say what is left, and when there is more.

        Args:
            window: "day", "week", "month" or "ever".
            resets_at: when the order would fit; None: never, for it is too large by itself.
        """
        DomainError.__init__(
            self,
            _(
                "Your organization lets you use %(limit)s credits in each window (%(window)s); "
                "%(left)s are left."
            )
            % {"limit": limit, "window": window, "left": left},
            unit="credits",
            limit=limit,
            used=used,
            left=left,
            window=window,
            resets_at=resets_at,
            retry_after_seconds=retry_after_seconds,
        )


class PriceAboveMaximum(DomainError):
    """The order costs more than its sender is willing to pay."""

    code = "price_above_maximum"
    kind = ErrorKind.INVALID

    def __init__(self, *, price_micros: int, max_micros: int) -> None:
        price, most = format_micros(price_micros), format_micros(max_micros)
        detail = _("This costs %(price)s credits, more than your maximum of %(max)s.") % {
            "price": price,
            "max": most,
        }
        super().__init__(
            detail,
            errors=[{"pointer": "/max_credits", "code": "price_above_maximum", "detail": detail}],
        )


class InvalidParent(DomainError):
    """The job to be extended cannot be."""

    code = "invalid_parent"
    kind = ErrorKind.INVALID

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail, errors=[{"pointer": "/parent", "code": "invalid_parent", "detail": detail}]
        )


class OutputGone(DomainError):
    """The video to be continued was deleted when its time by the plan was over."""

    code = "output_gone"
    kind = ErrorKind.INVALID

    def __init__(self, *, job: str) -> None:
        detail = _("The parent's video is kept no longer, so there is nothing to continue.")
        super().__init__(
            detail,
            job=job,
            errors=[{"pointer": "/parent", "code": "output_gone", "detail": detail}],
        )


class NotUnknown(DomainError):
    """The job waits for no person: its verdict is known, or still due."""

    code = "not_unknown"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("Only a job that is unknown and past its deadline is decided on."))


class Unfounded(DomainError):
    """A person's verdict lacks what it stands on."""

    code = "unfounded"
    kind = ErrorKind.INVALID

    def __init__(self, field: str) -> None:
        super().__init__(
            _("Say how you know it; of a success also where the video is, or under which id."),
            field=field,
        )


class StillRunning(DomainError):
    """The backend says that it works on the job, so nobody has to decide."""

    code = "still_running"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("The backend works on it; its end will be heard of."))


class NoVerdict(DomainError):
    """Neither the backend's word nor a file bears the verdict out; nothing has moved."""

    code = "no_verdict"
    kind = ErrorKind.CONFLICT

    def __init__(self, said: str, *, field: str) -> None:
        super().__init__(
            _("Nothing there bears this out. %(said)s") % {"said": said}
            if said
            else _("Nothing there bears this out."),
            said=said,
            field=field,
        )


class NothingToRetry(DomainError):
    """Nothing that settles the job was given up: it has ended, or goes on by itself."""

    code = "nothing_to_retry"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("Nothing that settles this job was given up."))


class TooManyListeners(DomainError):
    """As many streams of the account's jobs are open as one process serves for one account."""

    code = "too_many_listeners"
    kind = ErrorKind.LIMITED

    def __init__(self, *, limit: int) -> None:
        super().__init__(
            _("%(limit)d streams of this account are open; close one, or ask again later.")
            % {"limit": limit},
            limit=limit,
            retry_after_seconds=10,
        )
