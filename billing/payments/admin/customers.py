"""Operators look at who is known at Stripe."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin
from billing.payments.models import Customer


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin[Customer]):
    """A window: a customer is made with an account's first checkout."""

    empty_says = gettext_lazy(
        "No account is known at Stripe yet. One is from its first checkout on."
    )
    list_display = ["id", "account", "stripe_id", "email", "is_live", "created_at"]
    list_filter = ["is_live"]
    search_fields = ["=id", "=stripe_id", "=account__external_id"]
    list_select_related = ["account"]
