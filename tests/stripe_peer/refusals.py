"""How the emulator refuses: the bodies and statuses of Stripe's own errors."""

from typing import Any, Final

CARD_ERROR_STATUS: Final = 402
_DOCUMENTS: Final = "https://stripe.com/docs/error-codes/"


class Refused(Exception):
    """An answer other than 200; `status` and `body` are what the client is sent."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code is not None:
            self.error |= {"code": code, "doc_url": _DOCUMENTS + code.replace("_", "-")}
        if param is not None:
            self.error["param"] = param

    @property
    def body(self) -> dict[str, Any]:
        """The body as Stripe writes it."""
        return {"error": self.error}


def absent(kind: str, identity: str, param: str = "id", *, status: int = 404) -> Refused:
    """Return the refusal for an object that is not there; 400 when a parameter named it."""
    words = {"checkout.session": "checkout.session", "test_helpers.test_clock": "test clock"}
    name = words.get(kind, kind.replace("_", " ") if kind == "webhook_endpoint" else kind)
    return Refused(
        f"No such {name}: '{identity}'", status=status, code="resource_missing", param=param
    )


def missing(param: str) -> Refused:
    """Return the refusal for a parameter that had to be there."""
    return Refused(f"Missing required param: {param}.", code="parameter_missing", param=param)


def declined(message: str, code: str, decline_code: str | None, **more: object) -> Refused:
    """Return the refusal of a card; `more` carries the payment intent, the charge, the method."""
    refusal = Refused(message, status=CARD_ERROR_STATUS, kind="card_error", code=code)
    refusal.error |= {"decline_code": decline_code, **more} if decline_code else more
    return refusal
