"""What is refused to who would be topped up automatically."""

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


class CardNeeded(DomainError):
    """There is no saved card that could be charged."""

    code = "card_needed"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            _("Save a card first: on the page that `POST /v1/portal-sessions` opens."),
            save_card_at="/v1/portal-sessions",
        )


class WrongLimit(DomainError):
    """The monthly limit is in another currency than the price, or lets nothing be bought."""

    code = "wrong_limit"
    kind = ErrorKind.INVALID

    def __init__(self, *, price: str, currency: str) -> None:
        super().__init__(
            _("One top-up costs %(price)s %(currency)s; the monthly limit must allow it.")
            % {"price": price, "currency": currency},
            price={"amount": price, "currency": currency},
        )
