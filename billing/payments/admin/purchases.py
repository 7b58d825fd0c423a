"""Operators look at money that came."""

from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from billing.http import links
from billing.http.admin import ReadOnlyAdmin, money_column
from billing.ledger.admin import credits_column
from billing.payments.models import Purchase
from billing.payments.services import tracing
from plans.credits import format_micros


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
    search_fields = ["=id", "=fact", "=stripe_id", "=invoice__stripe_id", "=account__external_id"]
    list_select_related = ["account"]
    readonly_fields = ["brought", "went_back"]
    actions_detail = ["refund"]

    @admin.display(description=gettext_lazy("credits that it brought"))
    def brought(self, purchase: Purchase) -> SafeString | str:
        """Return the grants that its money has brought so far, and how much of each is its own."""
        parts = tracing.brought_by(purchase)
        lines = (
            (
                links.link(links.row_path(one.grant), one.grant.pk),
                format_micros(one.own_micros),
                one.grant.source,
            )
            for one in parts
        )
        return format_html_join("", "<div>{} · {} · {}</div>", lines) or "-"

    @admin.display(description=gettext_lazy("refunds and disputes"))
    def went_back(self, purchase: Purchase) -> SafeString | str:
        """Return what of the money went back, or is contested."""
        rows = [*purchase.refunds.order_by("id"), *purchase.disputes.order_by("opened_at")]
        lines = ((links.link(links.row_path(one), one),) for one in rows)
        return format_html_join("", "<div>{}</div>", lines) or "-"

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
