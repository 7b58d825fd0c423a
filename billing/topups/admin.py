"""Operators see who is topped up automatically, and how each top-up went; nothing is edited."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin, money_column
from billing.topups.models import AutoTopUp, TopUp


@admin.register(AutoTopUp)
class AutoTopUpAdmin(ReadOnlyAdmin[AutoTopUp]):
    """Who wants what."""

    money = frozenset({"limit_micros"})
    empty_says = gettext_lazy(
        "Nobody has asked for automatic top-ups. Each account turns them on itself, over REST."
    )
    list_display = [
        *("account", "is_on", "stopped", "pack", "quantity"),
        *(money_column("limit_micros", gettext_lazy("monthly limit")), "failures", "retry_at"),
    ]
    list_filter = ["is_on", "stopped"]
    search_fields = ["=account__external_id", "=account__id"]
    list_select_related = ["account"]


@admin.register(TopUp)
class TopUpAdmin(ReadOnlyAdmin[TopUp]):
    """What was tried; its page stays closed: whoever has the address can pay there."""

    money = frozenset({"price_micros"})
    empty_says = gettext_lazy(
        "No pack was bought automatically yet. One is when an account that wants it runs low."
    )
    list_display = [
        *("id", "account", "pack", "quantity", money_column("price_micros", gettext_lazy("price"))),
        *("state", "decline", "created_at"),
    ]
    list_filter = ["state"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
    fields = [
        *("id", "account", "pack", "quantity", "catalog_version", "currency", "price_micros"),
        *("state", "decline", "page_id", "page_expires_at", "created_at", "ring_at", "ended_at"),
    ]
