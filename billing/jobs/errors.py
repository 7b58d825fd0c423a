"""What the path of a job refuses."""

from billing.errors import DomainError, ErrorKind
from plans.credits import format_micros
from plans.wording import gettext as _


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
    """The quote's time is over, or it was made for another order."""

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


class ConcurrencyLimit(DomainError):
    """As many jobs are under way as the plan allows."""

    code = "concurrency_limit"
    kind = ErrorKind.LIMITED

    def __init__(self, *, limit: int) -> None:
        super().__init__(
            _("Your plan runs %(limit)s jobs at once; wait until one has ended.")
            % {"limit": limit},
            limit=limit,
            retry_after_seconds=5,
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
