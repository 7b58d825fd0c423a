"""The only module that knows Stripe: what it says was paid and paid back; nothing changes there.

A payment of ours carries in `metadata[FACT]` the business fact under which it is known here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import stripe
from django.conf import settings

from billing.payments.money import micros_of
from billing.transactions import forbid_transaction

FACT: Final = "linggan_fact"
_PAGE: Final = 100  # the most that Stripe gives at once
_TIMEOUT_SECONDS: Final = 20.0
_RETRIES: Final = 2
_Read = TypeVar("_Read")


class StripeAway(Exception):
    """Stripe gave no answer that can be used; the message says in a few words why."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that has come.

    Attributes:
        fact: the business fact that it was made for; empty: it is none of ours.
        paid_at: when the money came, which may be long after the payment was begun.
    """

    id: str
    fact: str
    amount_micros: int
    currency: str
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that has gone back, and the fact of the payment that it came by."""

    id: str
    payment_id: str
    fact: str
    amount_micros: int
    currency: str
    refunded_at: datetime


@dataclass(frozen=True, slots=True)
class Gateway:
    """A way to one account at Stripe."""

    secret_key: str = field(repr=False)
    api_base: str
    timeout_seconds: float = _TIMEOUT_SECONDS
    retries: int = _RETRIES

    def payments(self, *, since: datetime, until: datetime) -> list[Payment]:
        """Return what was begun between the two instants and paid, each once.

        Raises:
            StripeAway: it could not be read to the end.
        """
        list_page = self._client().v1.payment_intents.list
        return list(self._all(list_page, since, until, "data.latest_charge", _payment))

    def refunds(self, *, since: datetime, until: datetime) -> list[Refund]:
        """Return what was paid back between the two instants, each once.

        Raises:
            StripeAway: it could not be read to the end.
        """
        list_page = self._client().v1.refunds.list
        return list(self._all(list_page, since, until, "data.payment_intent", _refund))

    def _client(self) -> stripe.StripeClient:
        forbid_transaction("payments.gateway")
        return stripe.StripeClient(
            self.secret_key,
            base_addresses={"api": self.api_base},
            http_client=stripe.RequestsClient(timeout=self.timeout_seconds),
            max_network_retries=self.retries,
        )

    def _all(
        self,
        list_page: Callable[..., Any],
        since: datetime,
        until: datetime,
        expand: str,
        read: Callable[[Mapping[str, Any]], _Read],
    ) -> Iterator[_Read]:
        """Yield what has succeeded of all objects of all pages.

        The time has two ends, so what comes in meanwhile does not move the pages; an object that
        stands on two of them all the same comes once.
        """
        params = {
            "limit": _PAGE,
            "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
            "expand": [expand],
        }
        seen: set[str] = set()
        try:
            for one in list_page(params).auto_paging_iter():
                if one["status"] == "succeeded" and one["id"] not in seen:
                    seen.add(one["id"])
                    yield read(one.to_dict())
        except stripe.AuthenticationError:
            raise StripeAway("it does not know STRIPE_SECRET_KEY") from None
        except stripe.RateLimitError:
            raise StripeAway("it asks us to slow down") from None
        except stripe.APIConnectionError:
            raise StripeAway("it does not answer") from None
        except (stripe.StripeError, AttributeError, LookupError, TypeError, ValueError) as problem:
            raise StripeAway(f"it answers with {type(problem).__name__}") from None


def configured() -> Gateway | None:
    """Return the way to the account of the settings; None: there is none."""
    key: str = settings.STRIPE_SECRET_KEY
    return Gateway(key, settings.STRIPE_API_BASE) if key else None


def _payment(one: Mapping[str, Any]) -> Payment:
    currency = str(one["currency"]).upper()
    charge = one.get("latest_charge")
    paid_at = charge["created"] if isinstance(charge, Mapping) else one["created"]
    return Payment(
        id=str(one["id"]),
        fact=_fact(one),
        amount_micros=micros_of(one["amount_received"], currency),
        currency=currency,
        paid_at=datetime.fromtimestamp(paid_at, UTC),
    )


def _refund(one: Mapping[str, Any]) -> Refund:
    currency = str(one["currency"]).upper()
    payment = one.get("payment_intent")
    whole: Mapping[str, Any] = payment if isinstance(payment, Mapping) else {"id": payment or ""}
    return Refund(
        id=str(one["id"]),
        payment_id=str(whole["id"]),
        fact=_fact(whole),
        amount_micros=micros_of(one["amount"], currency),
        currency=currency,
        refunded_at=datetime.fromtimestamp(one["created"], UTC),
    )


def _fact(one: Mapping[str, Any]) -> str:
    return str((one.get("metadata") or {}).get(FACT, ""))
