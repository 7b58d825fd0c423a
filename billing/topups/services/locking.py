"""The lock of an account's top-ups, and what switches them off.

Lock order: the account's settings, then its wallet, then top-ups and purchases.
"""

from billing.accounts.models import Account
from billing.topups.models import AutoTopUp
from billing.transactions import require_transaction


def lock(account_id: str) -> AutoTopUp | None:
    """Return the account's settings, locked; None: it never had any."""
    require_transaction("topups.lock")
    return (
        AutoTopUp.objects.select_for_update(of=("self",))
        .select_related("account")
        .filter(pk=account_id)
        .first()
    )


def save(settings: AutoTopUp) -> None:
    """Write settings down, and on the account what an order compares its balance with."""
    settings.save(
        update_fields=[
            *("is_on", "threshold_micros", "pack", "quantity", "limit_micros", "currency"),
            *("failures", "retry_at", "stopped", "changed_at"),
        ]
    )
    Account.objects.filter(pk=settings.account_id).update(
        tops_up_below_micros=settings.threshold_micros if settings.is_on else None
    )
