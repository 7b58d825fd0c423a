"""Operators look at who was sent to pay, and how it ended."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin, money_column
from billing.payments.models import Checkout


@admin.register(Checkout)
class CheckoutAdmin(ReadOnlyAdmin[Checkout]):
    """A window: checkouts are asked for over REST, and end as Stripe says."""

    money = frozenset({"amount_micros", "renewal_micros"})
    empty_says = gettext_lazy(
        "Nobody was sent to pay yet. A checkout stands here from when an account asks for one."
    )
    list_display = [
        *(
            "id",
            "account",
            "code",
            "quantity",
            money_column("amount_micros", gettext_lazy("price")),
        ),
        *("state", "created_at"),
    ]
    list_filter = ["state", "kind", "currency"]
    search_fields = ["=id", "=stripe_id", "=account__external_id"]
    list_select_related = ["account"]
