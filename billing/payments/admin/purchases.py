"""Operators look at money that came."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin, money_column
from billing.payments.models import Purchase


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin[Purchase]):
    """A window: what came is recorded as Stripe says, once for each business fact."""

    money = frozenset({"amount_micros", "refunded_micros", "disputed_micros"})
    list_display = [
        *("id", "account", "kind", money_column("amount_micros", gettext_lazy("paid"))),
        "paid_at",
    ]
    list_filter = ["kind", "currency"]
    search_fields = ["=id", "=fact", "=stripe_id", "=invoice__stripe_id", "account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "paid_at"
