"""When a declined renewal is tried again, and what becomes of the subscription at last: pure.

Stripe chooses its instants by a model that nobody outside knows. Here they are fixed, as an
account can fix them in its settings, so that a test can say the day
(docs.stripe.com/billing/revenue-recovery/smart-retries).
"""

from dataclasses import dataclass
from typing import Final

from tests.stripe_peer.billing.periods import DAY

OUTCOMES: Final = ("canceled", "unpaid", "past_due")


@dataclass(frozen=True)
class Retries:
    """An account's settings for declined invoices.

    Attributes:
        days: how many days after each decline the next try is.
        outcome: what the subscription is when the last has been declined.
    """

    days: tuple[int, ...] = (3, 5, 7)
    outcome: str = "canceled"

    def next_at(self, attempts: int, now: int) -> int | None:
        """Return when an invoice that was tried so often is tried next, or None: no more."""
        assert attempts >= 1, "a retry follows a try"
        if attempts > len(self.days):
            return None
        return now + self.days[attempts - 1] * DAY
