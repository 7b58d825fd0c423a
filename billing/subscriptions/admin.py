"""Operators look at who is on which plan."""

from django.contrib import admin

from billing.http.admin import ReadOnlyAdmin
from billing.subscriptions.models import Subscription


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin[Subscription]):
    """A window: plans change through `subscriptions.services`."""

    list_display = ["id", "account", "plan", "started_at", "ended_at"]
    list_filter = ["plan"]
    search_fields = ["id", "account__external_id"]
    list_select_related = ["account"]
