"""Operators look at what was bought."""

from django.contrib import admin

from billing.http.admin import ReadOnlyAdmin
from billing.packs.models import PackPurchase


@admin.register(PackPurchase)
class PackPurchaseAdmin(ReadOnlyAdmin[PackPurchase]):
    """A window: packs are sold, given and activated through `packs.services`."""

    list_display = ["id", "account", "pack", "quantity", "bought_at", "activate_by", "activated_at"]
    list_filter = ["pack", "paid_currency"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
