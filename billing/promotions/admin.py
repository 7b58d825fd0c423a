"""Operators look at budgets, shares and codes, and end codes."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin
from billing.ledger.admin import credits_column
from billing.operators.admin.acting import Facts, RecordedAdmin
from billing.promotions import services
from billing.promotions.models import (
    CampaignBudget,
    CampaignGrant,
    Redemption,
    RedemptionCode,
    RedemptionTry,
)


@admin.register(CampaignBudget)
class CampaignBudgetAdmin(ReadOnlyAdmin[CampaignBudget]):
    """What each campaign has given of what it may give."""

    list_display = [
        *("campaign", "is_sandbox"),
        credits_column("granted_micros", gettext_lazy("granted")),
        credits_column("budget_micros", gettext_lazy("budget")),
    ]
    list_filter = ["is_sandbox"]
    search_fields = ["=campaign"]


@admin.register(CampaignGrant)
class CampaignGrantAdmin(ReadOnlyAdmin[CampaignGrant]):
    """Who had a share of which campaign."""

    list_display = [
        *("id", "budget", "account"),
        credits_column("amount_micros", gettext_lazy("amount")),
        *("window", "number", "created_at"),
    ]
    search_fields = ["=id", "=account__external_id", "=budget__campaign"]
    list_select_related = ["account", "budget"]


@admin.register(RedemptionCode)
class RedemptionCodeAdmin(RecordedAdmin):
    """Codes by their visible beginning; the codes themselves are nowhere."""

    list_display = [
        *("prefix", "batch", "kind", "offer", "used", "uses_max"),
        *("is_sandbox", "expires_at", "revoked_at"),
    ]
    list_filter = ["kind", "is_sandbox"]
    search_fields = ["=id", "=prefix", "=batch"]
    actions = ["revoke_codes"]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Only who may end codes sees the action."""
        return request.user.has_perm("billing.revoke_redemptioncode")

    @admin.action(
        description=gettext_lazy("Revoke the selected codes; what they gave stays"),
        permissions=["revoke"],
    )
    def revoke_codes(
        self, request: HttpRequest, queryset: QuerySet[RedemptionCode]
    ) -> HttpResponse | None:
        """End each code."""

        def revoke(code: RedemptionCode, _reason: str) -> str:
            services.revoke_code(code, now=timezone.now())
            return _("The code gives nothing any more.")

        return self.ask_first(request, "revoke_codes", queryset, look=_left, do=revoke)


@admin.register(Redemption)
class RedemptionAdmin(ReadOnlyAdmin[Redemption]):
    """Which account redeemed which code, and what it got."""

    list_display = ["id", "code", "account", "number", "created_at"]
    search_fields = ["=id", "=account__external_id", "=code__prefix"]
    list_select_related = ["account", "code"]


@admin.register(RedemptionTry)
class RedemptionTryAdmin(ReadOnlyAdmin[RedemptionTry]):
    """Who typed codes that are none, within the hour."""

    list_display = ["account", "created_at"]
    search_fields = ["=account__external_id"]
    list_select_related = ["account"]


def _left(code: RedemptionCode) -> Facts:
    """Return what a code gives, and how often it still could."""
    said = _("%(offer)s · used %(used)s of %(most)s times; what it gave stays")
    return [(str(code), said % {"offer": code.offer, "used": code.used, "most": code.uses_max})]
