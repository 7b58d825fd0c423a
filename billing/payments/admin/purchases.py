"""Operators look at money that came."""

from django.contrib import admin

from billing.http.admin import ReadOnlyAdmin
from billing.payments.models import Purchase


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin[Purchase]):
    """A window: what came is recorded as Stripe says, once for each business fact."""

    list_display = ["id", "account", "kind", "currency", "amount_micros", "paid_at"]
    list_filter = ["kind", "currency"]
    search_fields = ["=id", "=fact", "=stripe_id", "=invoice__stripe_id", "account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "paid_at"
