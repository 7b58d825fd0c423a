"""The operators' windows on accounts and service keys; a secret is in none of them."""

from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from billing.accounts import services
from billing.accounts.models import Account, AccountSignal, ApiKey, FreeTierCount, Identity
from billing.http import links
from billing.http.admin import ReadOnlyAdmin
from billing.operators.admin.acting import Facts, RecordedAdmin


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin[Account]):
    """Who pays."""

    actions_detail = ["freeze"]

    list_display = ["external_id", "page", "kind", "zone", "is_sandbox", "created_at"]
    list_filter = ["is_sandbox", "kind"]
    search_fields = ["=id", "^external_id"]
    readonly_fields = ["page"]

    @admin.display(description=gettext_lazy("page"))
    def page(self, account: Account) -> SafeString:
        """Return the way to all that is known of it."""
        return links.account_link(account.pk, account.pk)

    def has_freeze_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may freeze accounts sees the way there."""
        return request.user.has_perm("billing.freeze_account")

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Freeze it"), url_path="freeze", permissions=["freeze"]
    )
    def freeze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go where it is frozen; nothing moves yet."""
        account = self.get_object(request, object_id)
        chosen = {} if account is None else {"account": account.external_id}
        if account is not None and account.is_sandbox:
            chosen["is_sandbox"] = "on"
        return HttpResponseRedirect(f"{reverse('admin:billing_freeze_freeze')}?{urlencode(chosen)}")


@admin.register(ApiKey)
class ApiKeyAdmin(RecordedAdmin):
    """Which programs act for accounts; made by `create_api_key`."""

    list_display = ["name", "prefix", "scopes", "is_sandbox", "expires_at", "revoked_at"]
    list_filter = ["is_sandbox"]
    search_fields = ["^prefix", "^name"]
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
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """End each key at once."""

        def revoke(key: ApiKey, _reason: str) -> str:
            services.revoke_api_key(key, now=timezone.now())
            return _("The key opens nothing any more.")

        return self.ask_first(request, "revoke_keys", queryset, look=_opens, do=revoke)


def _opens(key: ApiKey) -> Facts:
    """Return what a key opens until it is revoked, and when it last did."""
    used = _("never used") if key.last_used_at is None else localize(key.last_used_at)
    return [(f"{key.name} ({key.prefix})", f"{', '.join(key.scopes)} · {used}")]


@admin.register(Identity)
class IdentityAdmin(ReadOnlyAdmin[Identity]):
    """Sealed e-mails, phones, cards and devices, and whose free tier each one was."""

    list_display = ["id", "kind", "free_tier_of", "is_sandbox", "created_at"]
    list_filter = ["kind", "is_sandbox"]
    search_fields = ["=id", "=free_tier_of__external_id"]
    list_select_related = ["free_tier_of"]


@admin.register(AccountSignal)
class AccountSignalAdmin(ReadOnlyAdmin[AccountSignal]):
    """Which accounts were seen with the same identity."""

    list_display = ["account", "identity", "seen_at"]
    search_fields = ["=account__external_id", "=identity__id"]
    list_select_related = ["account", "identity"]


@admin.register(FreeTierCount)
class FreeTierCountAdmin(ReadOnlyAdmin[FreeTierCount]):
    """How many free tiers began in each window of a cap."""

    list_display = ["cap", "window", "begun", "most", "is_sandbox"]
    list_filter = ["cap", "is_sandbox"]
    search_fields = ["=window"]
