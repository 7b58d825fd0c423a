"""The operators' windows on accounts and service keys; a secret is in none of them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.accounts import services
from billing.accounts.models import Account, AccountSignal, ApiKey, FreeTierCount, Identity
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
    actions = ["revoke_keys"]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Only who may revoke keys sees the action."""
        return request.user.has_perm("billing.revoke_apikey")

    @admin.action(
        description=gettext_lazy("Revoke the selected keys; they open nothing any more"),
        permissions=["revoke"],
    )
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """End each key at once."""
        for key in queryset.order_by("pk"):
            services.revoke_api_key(key, now=timezone.now())
            self.log_change(request, key, _("Revoked by an operator."))
        self.message_user(request, _("The keys open nothing any more."))


@admin.register(Identity)
class IdentityAdmin(ReadOnlyAdmin[Identity]):
    """Sealed e-mails, phones, cards and devices, and whose free tier each one was."""

    list_display = ["id", "kind", "free_tier_of", "is_sandbox", "created_at"]
    list_filter = ["kind", "is_sandbox"]
    search_fields = ["=id", "free_tier_of__external_id"]
    list_select_related = ["free_tier_of"]


@admin.register(AccountSignal)
class AccountSignalAdmin(ReadOnlyAdmin[AccountSignal]):
    """Which accounts were seen with the same identity."""

    list_display = ["account", "identity", "seen_at"]
    list_filter = ["identity__kind", "account__is_sandbox"]
    search_fields = ["account__external_id", "=identity__id"]
    list_select_related = ["account", "identity"]


@admin.register(FreeTierCount)
class FreeTierCountAdmin(ReadOnlyAdmin[FreeTierCount]):
    """How many free tiers began in each window of a cap."""

    list_display = ["cap", "window", "begun", "most", "is_sandbox"]
    list_filter = ["cap", "is_sandbox"]
    search_fields = ["=window"]
