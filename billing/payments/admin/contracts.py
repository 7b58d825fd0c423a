"""Operators look at what Stripe collects for, at its bills, and at changes of plan."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin, money_column
from billing.payments.models import Contract, Invoice, PlanChange


@admin.register(Contract)
class ContractAdmin(ReadOnlyAdmin[Contract]):
    """A window: contracts are as Stripe was seen to keep them."""

    money = frozenset({"price_micros", "renewal_micros"})
    empty_says = gettext_lazy(
        "Stripe collects for no subscription yet. One stands here once its first page was paid."
    )
    list_display = [
        *("stripe_id", "account", "plan", "interval", "status", "period_ends_at"),
        *("cancel_at", "past_due_at", "ended_at", "superseded_at"),
    ]
    list_filter = ["status", "plan", "interval", "currency"]
    search_fields = ["=id", "=stripe_id", "=subscription__id", "=account__external_id"]
    list_select_related = ["account"]


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin[Invoice]):
    """A window: bills are Stripe's."""

    money = frozenset({"amount_micros"})
    empty_says = gettext_lazy(
        "Stripe has written no bill yet. It writes one for each period, and for changes of plan."
    )
    list_display = [
        *("stripe_id", "number", "account", "status"),
        *(money_column("amount_micros", gettext_lazy("amount")), "attempts", "created_at"),
    ]
    dated_by = "created_at"
    ordering = ["-created_at"]
    list_filter = ["status", "currency", "reason"]
    search_fields = ["=stripe_id", "=number", "=account__external_id"]
    list_select_related = ["account"]


@admin.register(PlanChange)
class PlanChangeAdmin(ReadOnlyAdmin[PlanChange]):
    """A window: plans are changed over REST."""

    money = frozenset({"due_micros", "renewal_micros", "worth_micros"})
    empty_says = gettext_lazy(
        "Nobody has changed his plan yet. A change stands here from when it was agreed on."
    )
    list_display = [
        *("created_at", "account", "from_plan", "plan", "state"),
        *(money_column("due_micros", gettext_lazy("price")), "failure"),
    ]
    list_filter = ["state", "at_period_end", "plan"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
