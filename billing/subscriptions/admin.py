"""Operators look at who is on which plan, and at what it was sold for."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.http.admin import ReadOnlyAdmin
from billing.subscriptions.models import Subscription
from plans.shapes import money


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin[Subscription]):
    """A window: plans change through `subscriptions.services`."""

    list_display = [
        *("id", "account", "plan", "interval", "price", "started_at"),
        *("past_due_at", "ends_at", "ended_at"),
    ]
    list_filter = ["plan", "interval"]
    search_fields = ["id", "account__external_id"]
    list_select_related = ["account"]
    fields = [
        *("id", "account", "plan", "catalog_version", "terms_version", "interval", "price"),
        *("renewal", "book", "started_at", "moved_at", "past_due_at", "ends_at", "ended_at"),
    ]

    @admin.display(description=_("first price"))
    def price(self, subscription: Subscription) -> str:
        """Show what the first period costs, in money."""
        return _spoken(subscription.price_micros, subscription.currency)

    @admin.display(description=_("renewal price"))
    def renewal(self, subscription: Subscription) -> str:
        """Show what each later period costs, in money."""
        return _spoken(subscription.renewal_micros, subscription.currency)


def _spoken(micros: int | None, currency: str) -> str:
    if micros is None:
        return "-"
    said = money(micros, currency)
    return f"{said['amount']} {said['currency']}"
