"""The operators' windows on accounts and service keys; a secret is in none of them."""

from django.contrib import admin

from billing.accounts.models import Account, ApiKey
from billing.http.admin import ReadOnlyAdmin


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin[Account]):
    """Who pays."""

    list_display = ["external_id", "id", "kind", "zone", "is_sandbox", "created_at"]
    list_filter = ["is_sandbox", "kind"]
    search_fields = ["external_id", "=id"]
    date_hierarchy = "created_at"


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin[ApiKey]):
    """Which programs act for accounts; made by `create_api_key`."""

    list_display = ["name", "prefix", "scopes", "is_sandbox", "expires_at", "revoked_at"]
    list_filter = ["is_sandbox"]
    search_fields = ["name", "prefix"]
    fields = [
        *("id", "name", "prefix", "scopes", "is_sandbox"),
        *("created_at", "expires_at", "revoked_at", "last_used_at"),
    ]
