"""Operators look at who is on which plan, and admit to the free one whom its rule shuts out."""

from typing import Final

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from billing.accounts.models import FreeTier
from billing.http.admin import ReadOnlyAdmin
from billing.subscriptions import services
from billing.subscriptions.models import PaidPeriod, Subscription
from plans.shapes import money

_NOTE_LENGTH_MAX: Final = 200


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin[Subscription]):
    """A window: plans change through `subscriptions.services`."""

    list_display = [
        *("id", "account", "plan", "interval", "price", "seats", "started_at"),
        *("paid_until", "past_due_at", "ends_at", "ended_at"),
    ]
    list_filter = ["plan", "interval"]
    search_fields = ["id", "account__external_id"]
    list_select_related = ["account"]
    fields = [
        *("id", "account", "plan", "catalog_version", "terms_version", "interval", "price"),
        *(
            "renewal",
            "book",
            "seats",
            "started_at",
            "moved_at",
            "anchor_at",
            "paid_until",
            "trial_ends_at",
            "paused_at",
            "past_due_at",
            "ends_at",
            "ended_at",
        ),
    ]

    @admin.display(description=_("first price"))
    def price(self, subscription: Subscription) -> str:
        """Show what the first period costs, in money."""
        return _spoken(subscription.price_micros, subscription.currency)

    @admin.display(description=_("renewal price"))
    def renewal(self, subscription: Subscription) -> str:
        """Show what each later period costs, in money."""
        return _spoken(subscription.renewal_micros, subscription.currency)


@admin.register(PaidPeriod)
class PaidPeriodAdmin(ReadOnlyAdmin[PaidPeriod]):
    """Which time is paid for, and since when that is known."""

    list_display = [
        *("subscription", "starts_at", "ends_at", "is_trial", "recorded_at", "taken_back_at")
    ]
    list_filter = ["is_trial"]
    search_fields = ["=subscription__id", "subscription__account__external_id"]
    list_select_related = ["subscription__account"]


class _WithNote(ActionForm):  # type: ignore[misc]  # unfold ships no types
    """An action and why it is done."""

    note = forms.CharField(
        label=_("Reason"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )


@admin.register(FreeTier)
class FreeTierAdmin(ReadOnlyAdmin[FreeTier]):
    """Who is admitted to what the free plan gives, and why somebody is not."""

    list_display = ["account", "state", "reason", "retry_at", "operator", "decided_at"]
    list_filter = ["state", "reason", "account__is_sandbox"]
    search_fields = ["account__external_id", "=account__id", "operator"]
    list_select_related = ["account"]
    date_hierarchy = "decided_at"
    action_form = _WithNote
    actions = ["admit_accounts"]

    def has_admit_permission(self, request: HttpRequest) -> bool:
        """Only who may admit sees the action."""
        return request.user.has_perm("billing.admit_freetier")

    @admin.action(
        description=_("Admit the selected accounts to the free tier, for the reason given"),
        permissions=["admit"],
    )
    def admit_accounts(self, request: HttpRequest, queryset: QuerySet[FreeTier]) -> None:
        """Admit each account; without a reason none."""
        note = request.POST.get("note", "").strip()[:_NOTE_LENGTH_MAX]
        if not note:
            self.message_user(request, gettext("Say why."), messages.WARNING)
            return
        for tier in queryset.select_related("account").order_by("pk"):
            services.admit_by_hand(
                account=tier.account, operator=request.user.get_username(), note=note
            )
            self.log_change(request, tier, gettext("Admitted by an operator: %s") % note)
        self.message_user(request, gettext("The accounts are admitted."))


def _spoken(micros: int | None, currency: str) -> str:
    if micros is None:
        return "-"
    said = money(micros, currency)
    return f"{said['amount']} {said['currency']}"
