"""Operators look at money that came."""

from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from billing.http.admin import ReadOnlyAdmin, money_column
from billing.ledger.admin import credits_column
from billing.payments.models import Purchase


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin[Purchase]):
    """A window: what came is recorded as Stripe says, once for each business fact."""

    money = frozenset({"amount_micros", "refunded_micros", "disputed_micros"})
    empty_says = gettext_lazy(
        "No money has come yet. A payment stands here as soon as Stripe says that it succeeded."
    )
    list_display = [
        *("id", "account", "kind", money_column("amount_micros", gettext_lazy("paid"))),
        money_column("refunded_micros", gettext_lazy("refunded")),
        money_column("disputed_micros", gettext_lazy("disputed")),
        credits_column("credited_micros", gettext_lazy("credits")),
        credits_column("taken_micros", gettext_lazy("credits taken back")),
        "paid_at",
    ]
    list_filter = ["kind", "currency"]
    search_fields = ["=id", "=fact", "=stripe_id", "=invoice__stripe_id", "account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "paid_at"
    actions_detail = ["refund"]

    def has_refund_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may request refunds sees the way there."""
        return request.user.has_perm("billing.request_refund")

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Request a refund"), url_path="refund", permissions=["refund"]
    )
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go where a refund of it is asked for; nothing moves yet."""
        form = reverse("admin:billing_refund_ask")
        purchase = self.get_object(request, object_id)
        chosen = {} if purchase is None else {"purchase": purchase.pk}
        return HttpResponseRedirect(f"{form}?{urlencode(chosen)}")
