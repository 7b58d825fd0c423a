"""Operators look at what Stripe collects for, at its bills, and at changes of plan."""

from django.contrib import admin

from billing.http.admin import ReadOnlyAdmin
from billing.payments.models import Contract, Invoice, PlanChange


@admin.register(Contract)
class ContractAdmin(ReadOnlyAdmin[Contract]):
    """A window: contracts are as Stripe was seen to keep them."""

    list_display = [
        *("stripe_id", "account", "plan", "interval", "status", "period_ends_at"),
        *("cancel_at", "past_due_at", "ended_at"),
    ]
    list_filter = ["status", "plan", "interval", "currency"]
    search_fields = ["=id", "=stripe_id", "=subscription__id", "account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "seen_at"


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin[Invoice]):
    """A window: bills are Stripe's."""

    list_display = [
        *("stripe_id", "number", "account", "status", "currency", "amount_micros"),
        *("attempts", "created_at"),
    ]
    list_filter = ["status", "currency", "reason"]
    search_fields = ["=stripe_id", "=number", "account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"


@admin.register(PlanChange)
class PlanChangeAdmin(ReadOnlyAdmin[PlanChange]):
    """A window: plans are changed over REST."""

    list_display = [
        *("id", "account", "from_plan", "plan", "state", "currency", "due_micros"),
        *("failure", "created_at"),
    ]
    list_filter = ["state", "at_period_end", "plan"]
    search_fields = ["=id", "=invoice_id", "account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"
