"""Operators look at what Stripe collects for, at its bills, and at changes of plan."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin, money_column
from billing.payments.models import Contract, Invoice, PlanChange


@admin.register(Contract)
class ContractAdmin(ReadOnlyAdmin[Contract]):
    """A window: contracts are as Stripe was seen to keep them."""

    money = frozenset({"price_micros", "renewal_micros"})
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

    money = frozenset({"amount_micros"})
    list_display = [
        *("stripe_id", "number", "account", "status"),
        *(money_column("amount_micros", gettext_lazy("amount")), "attempts", "created_at"),
    ]
    list_filter = ["status", "currency", "reason"]
    search_fields = ["=stripe_id", "=number", "account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"


@admin.register(PlanChange)
class PlanChangeAdmin(ReadOnlyAdmin[PlanChange]):
    """A window: plans are changed over REST."""

    money = frozenset({"due_micros", "renewal_micros", "worth_micros"})
    list_display = [
        *("id", "account", "from_plan", "plan", "state"),
        *(money_column("due_micros", gettext_lazy("paid for it")), "failure", "created_at"),
    ]
    list_filter = ["state", "at_period_end", "plan"]
    search_fields = ["=id", "=invoice_id", "account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"
