"""The row of a checkout: where it is paid, and how it ended."""

from datetime import datetime
from typing import Final

from billing.payments.gateway.seen import SeenSession
from billing.payments.models import Checkout
from billing.payments.services.telling import tell_failure

State = Checkout.State
_UNDER_WAY: Final = frozenset({State.ASKED, State.OPEN})


def note_page(checkout: Checkout, seen: SeenSession) -> None:
    """Write down where a checkout is paid."""
    checkout.stripe_id = seen.id
    checkout.url = seen.url
    checkout.expires_at = seen.expires_at
    if checkout.state == State.ASKED:
        checkout.state = State.OPEN
    checkout.save(update_fields=["stripe_id", "url", "expires_at", "state"])


def end(checkout: Checkout, state: str, *, now: datetime) -> None:
    """Let a checkout end so; one that has ended is changed by nothing but money that came."""
    if state not in {State.COMPLETED, State.EXPIRED, State.FAILED} or state == checkout.state:
        return
    if checkout.state not in _UNDER_WAY and state != State.COMPLETED:
        return
    checkout.state = state
    checkout.ended_at = max(now, checkout.created_at)
    checkout.save(update_fields=["state", "ended_at"])
    if state == State.FAILED:
        tell_failure(checkout, now=now)
