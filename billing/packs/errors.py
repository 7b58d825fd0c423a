"""What the sale of packs refuses."""

from collections.abc import Sequence

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class UnknownPack(DomainError):
    """The catalog has no such pack."""

    code = "unknown_pack"
    kind = ErrorKind.INVALID

    def __init__(self, *, pack: str, known: Sequence[str]) -> None:
        super().__init__(
            _("There is no pack %(pack)s; the catalog has: %(known)s.")
            % {"pack": pack, "known": ", ".join(known)},
            pack=pack,
            known=list(known),
        )


class NotOnSale(DomainError):
    """A pack that is not sold yet, or no more."""

    code = "not_on_sale"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, pack: str, starts_at: str | None, ends_at: str | None) -> None:
        super().__init__(
            _("The pack %(pack)s is not on sale now.") % {"pack": pack},
            pack=pack,
            starts_at=starts_at,
            ends_at=ends_at,
        )


class QuantityOutOfRange(DomainError):
    """Fewer or more of a pack at once than it is sold by."""

    code = "quantity_out_of_range"
    kind = ErrorKind.INVALID

    def __init__(self, *, pack: str, least: int, most: int) -> None:
        super().__init__(
            _("Of the pack %(pack)s, %(least)s to %(most)s are sold at once.")
            % {"pack": pack, "least": least, "most": most},
            pack=pack,
            min=least,
            max=most,
        )


class NoPrice(DomainError):
    """A pack that has prices, but none that this account could pay by."""

    code = "no_price"
    kind = ErrorKind.INVALID

    def __init__(self, *, pack: str, currency: str | None, known: Sequence[str]) -> None:
        super().__init__(
            _("The pack %(pack)s has no price for this account; it is sold in: %(known)s.")
            % {"pack": pack, "known": ", ".join(known)},
            pack=pack,
            currency=currency,
            known=list(known),
        )


class NotIncluded(DomainError):
    """The account's plan gives no right to this."""

    code = "not_entitled"
    kind = ErrorKind.FORBIDDEN

    def __init__(
        self, detail: str, *, entitlement: str, limit: str, required_plan: str | None
    ) -> None:
        super().__init__(detail, entitlement=entitlement, limit=limit, required_plan=required_plan)
