"""Operators look at partners, codes, who came by them, and what that earned."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin
from billing.ledger.admin import credits_column
from billing.partners.models import Partner, Referral, ReferralCode, Reward


@admin.register(Partner)
class PartnerAdmin(ReadOnlyAdmin[Partner]):
    """Whom the platform has admitted, and until when."""

    list_display = ["id", "programme", "account", "admitted_at", "ends_at"]
    list_filter = ["programme"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]


@admin.register(ReferralCode)
class ReferralCodeAdmin(ReadOnlyAdmin[ReferralCode]):
    """Whose code it is."""

    list_display = ["id", "code", "programme", "account", "created_at"]
    list_filter = ["programme"]
    search_fields = ["=id", "=code", "=account__external_id"]
    list_select_related = ["account"]


@admin.register(Referral)
class ReferralAdmin(ReadOnlyAdmin[Referral]):
    """Who came by whom."""

    list_display = ["id", "code", "referrer", "account", "came_at", "counts_until", "closed_at"]
    list_filter = ["code__programme"]
    search_fields = ["=id", "=code__code", "=account__external_id", "=referrer__external_id"]
    list_select_related = ["account", "code", "referrer"]


@admin.register(Reward)
class RewardAdmin(ReadOnlyAdmin[Reward]):
    """What was earned by it, and what became of that."""

    list_display = [
        *("id", "account", "occasion", "fact"),
        credits_column("amount_micros", gettext_lazy("amount")),
        *("state", "reason", "earned_at", "due_at", "settled_at"),
    ]
    list_filter = ["state", "campaign"]
    search_fields = ["=id", "=referral__id", "=fact", "=account__external_id"]
    list_select_related = ["account"]
