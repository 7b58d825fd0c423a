"""Sends an account to the page on which Stripe shows it its cards, bills and subscription."""

from datetime import datetime

import structlog

from billing.accounts.models import Account
from billing.payments.errors import PaymentsAway, PaymentsRefused
from billing.payments.gateway import StripeAway, StripeRefused, sessions
from billing.payments.services import customers, returns
from billing.transactions import forbid_transaction

_log = structlog.get_logger(__name__)


def require_portal(account: Account, *, return_url: str) -> None:
    """Return if the account may be sent to the portal, and be led back to `return_url`.

    Raises:
        PaymentsNotConfigured: as `customers.wire_for`.
        UnsafeAddress: nobody should be led there.
    """
    wire = customers.wire_for(account)
    returns.require_safe(return_url, pointer="/return_url", is_live=wire.is_live)


def open_portal(account: Account, *, return_url: str, language: str, now: datetime) -> str:
    """Return the address of the account's portal, good for a few minutes.

    Outside any transaction.

    Args:
        language: of the one who looks, as Django calls it; "": as his browser says.

    Raises:
        PaymentsNotConfigured: as `customers.wire_for`.
        PaymentsAway: Stripe gave no answer.
        PaymentsRefused: Stripe shows no portal; operators are told.
    """
    forbid_transaction("payments.open_portal")
    try:
        wire = customers.wire_for(account)
        customer = customers.ensure_customer(account, language=language, now=now)
        return sessions.open_portal(
            wire,
            customer_id=customer.stripe_id,
            return_url=return_url,
            language=returns.language_of(language),
        )
    except StripeAway as away:
        _log.warning("portal_waits", account_id=account.pk, reason=str(away))
        raise PaymentsAway from None
    except StripeRefused as refusal:
        _log.exception("portal_refused", account_id=account.pk, code=refusal.code)
        raise PaymentsRefused(reason=refusal.code) from None
