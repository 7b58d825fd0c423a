"""Operators look at to whom invoices of the tax office are made out."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin
from billing.payments.models import BillingProfile


@admin.register(BillingProfile)
class BillingProfileAdmin(ReadOnlyAdmin[BillingProfile]):
    """A window: accounts say it themselves."""

    empty_says = gettext_lazy(
        "No account has said yet to whom its invoices are made out. Each says it itself, over REST."
    )
    list_display = ["title", "account", "kind", "invoice_type", "tax_number", "updated_at"]
    list_filter = ["kind", "invoice_type"]
    search_fields = ["=account__external_id", "=tax_number"]
    list_select_related = ["account"]
