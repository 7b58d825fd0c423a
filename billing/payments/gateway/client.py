"""The way to one account at Stripe, and what its refusals mean to us."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import stripe
from django.conf import settings

from billing.transactions import forbid_transaction

FACT: Final = "linggan_fact"
ACCOUNT: Final = "linggan_account"
CHECKOUT: Final = "linggan_checkout"
# What a payment without a page buys: a pack, how many of it, and as which catalog version sold it.
PACK: Final = "linggan_pack"
QUANTITY: Final = "linggan_quantity"
VERSION: Final = "linggan_catalog"
CHANGE: Final = "linggan_change"
_TIMEOUT_SECONDS: Final = 20.0
_RETRIES: Final = 2
# Of a payment and of a bill: its buyer must prove himself.
_NEEDS_ACTION: Final = frozenset(
    {
        "authentication_required",
        "invoice_payment_intent_requires_action",
        "subscription_payment_intent_requires_action",
    }
)
_LIVE: Final = ("sk_live_", "rk_live_")


class StripeAway(Exception):
    """Stripe gave no answer that can be used; the message says in a few words why. Try again."""


class StripeRefused(Exception):
    """Stripe has understood, and says no: the same request will be refused again.

    Attributes:
        code: Stripe's word for it, such as "resource_missing".
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_missing(self) -> bool:
        """Whether Stripe does not know what was asked for."""
        return self.code == "resource_missing"


class Declined(Exception):
    """The bank said no, or wants to see its customer first.

    Attributes:
        code: the bank's word, as Stripe gives it: "insufficient_funds", "do_not_honor", …
        payment_id: the payment that was tried; "": none was made.
        needs_action: its buyer must prove himself (3-D Secure), then it may succeed.
    """

    def __init__(self, message: str, *, code: str, payment_id: str, needs_action: bool) -> None:
        super().__init__(message)
        self.code = code
        self.payment_id = payment_id
        self.needs_action = needs_action


@dataclass(frozen=True, slots=True)
class Wire:
    """A way to one account at Stripe.

    Attributes:
        retries: how often a request is made again that got no answer; each with the same key.
    """

    secret_key: str = field(repr=False)
    api_base: str
    timeout_seconds: float = _TIMEOUT_SECONDS
    retries: int = _RETRIES

    @property
    def is_live(self) -> bool:
        """Whether real money moves there."""
        return self.secret_key.startswith(_LIVE)

    def client(self) -> stripe.StripeClient:
        """Return Stripe's own client; nobody waits for it inside a transaction."""
        forbid_transaction("payments.gateway")
        return stripe.StripeClient(
            self.secret_key,
            base_addresses={"api": self.api_base},
            http_client=stripe.RequestsClient(timeout=self.timeout_seconds),
            max_network_retries=self.retries,
        )


def configured() -> Wire | None:
    """Return the way to the account of the settings; None: there is none."""
    key: str = settings.STRIPE_SECRET_KEY
    return Wire(key, settings.STRIPE_API_BASE) if key else None


@contextmanager
def understood() -> Iterator[None]:
    """Turn what the client raises into what it means to us.

    Raises:
        StripeAway, StripeRefused, Declined: as they say.
    """
    try:
        yield
    except stripe.CardError as declined:
        raise _declined(declined) from None
    except stripe.AuthenticationError:
        raise StripeAway("it does not know STRIPE_SECRET_KEY") from None
    except stripe.PermissionError:
        raise StripeAway("STRIPE_SECRET_KEY may not do this") from None
    except stripe.RateLimitError:
        raise StripeAway("it asks us to slow down") from None
    except stripe.APIConnectionError:
        raise StripeAway("it does not answer") from None
    except (stripe.IdempotencyError, stripe.InvalidRequestError) as refusal:
        if refusal.http_status == HTTPStatus.CONFLICT:
            raise StripeAway("it is at the same request already") from None
        message = refusal.user_message or "Stripe refused the request."
        raise StripeRefused(message, code=refusal.code or "refused") from None
    except (stripe.StripeError, AttributeError, LookupError, TypeError, ValueError) as problem:
        raise StripeAway(f"it answers with {type(problem).__name__}") from None


def _declined(declined: stripe.CardError) -> Declined:
    body = declined.error
    intent = getattr(body, "payment_intent", None) if body is not None else None
    decline_code = getattr(body, "decline_code", None) if body is not None else None
    return Declined(
        declined.user_message or "The card was declined.",
        code=decline_code or declined.code or "declined",
        payment_id=str(intent["id"]) if intent else "",
        needs_action=declined.code in _NEEDS_ACTION,
    )
