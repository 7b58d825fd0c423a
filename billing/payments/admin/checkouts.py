"""Operators look at who was sent to pay, and how it ended."""

from django.contrib import admin

from billing.http.admin import ReadOnlyAdmin
from billing.payments.models import Checkout


@admin.register(Checkout)
class CheckoutAdmin(ReadOnlyAdmin[Checkout]):
    """A window: checkouts are asked for over REST, and end as Stripe says."""

    money = frozenset({"amount_micros", "renewal_micros"})
    list_display = ["id", "account", "code", "quantity", "currency", "state", "created_at"]
    list_filter = ["state", "kind", "currency"]
    search_fields = ["=id", "=stripe_id", "account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"
