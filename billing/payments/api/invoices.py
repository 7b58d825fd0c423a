"""Invoices over REST, as Stripe keeps them."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of
from billing.accounts.scopes import Scope
from billing.http import pagination
from billing.payments import selectors
from billing.payments.api.profiles import BuyerOut
from billing.payments.models import Invoice
from billing.payments.money import written
from plans.shapes import MoneyOut


class InvoiceOut(serializers.ModelSerializer[Invoice]):
    """A bill of Stripe's, with its page and its PDF."""

    id = serializers.CharField(source="stripe_id")
    amount = serializers.SerializerMethodField()
    paid = serializers.SerializerMethodField()
    period = serializers.SerializerMethodField()
    buyer = BuyerOut(allow_null=True, help_text="To whom it was made out when it was paid.")
    purchases = serializers.SerializerMethodField(help_text="The payments of it.")

    class Meta:
        model = Invoice
        fields = [
            *(
                "id",
                "number",
                "status",
                "reason",
                "amount",
                "paid",
                "period",
                "page_url",
                "pdf_url",
            ),
            *("buyer", "purchases", "attempts", "next_attempt_at", "created_at", "paid_at"),
        ]

    @extend_schema_field(MoneyOut)
    def get_amount(self, invoice: Invoice) -> dict[str, str]:
        """Return what it asks for."""
        return written(invoice.amount_micros, invoice.currency)

    @extend_schema_field(MoneyOut)
    def get_paid(self, invoice: Invoice) -> dict[str, str]:
        """Return what was paid of it."""
        return written(invoice.paid_micros, invoice.currency)

    @extend_schema_field(
        {
            "type": "object",
            "nullable": True,
            "properties": {
                "from": {"type": "string", "format": "date-time"},
                "until": {"type": "string", "format": "date-time"},
            },
        }
    )
    def get_period(self, invoice: Invoice) -> dict[str, object] | None:
        """Return what time it is for; null: for none."""
        if invoice.period_starts_at is None:
            return None
        return {"from": invoice.period_starts_at, "until": invoice.period_ends_at}

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_purchases(self, invoice: Invoice) -> list[str]:
        """Return the payments of it, which refunds name."""
        return [one.pk for one in invoice.purchases.all()]


class InvoicePage(serializers.Serializer[Any]):
    """A page of invoices."""

    data = InvoiceOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class InvoiceList(APIView):
    """What an account was billed."""

    authz: ClassVar = {"GET": "invoice.read"}
    paged = True

    @extend_schema(responses=InvoicePage, operation_id="list_invoices")
    def get(self, request: Request) -> Response:
        """List invoices, the newest first; drafts, which nobody is asked to pay, are left out."""
        account = account_of(request, Scope.BALANCE_READ)
        found = selectors.invoices(account).prefetch_related("purchases")
        return Response(
            pagination.page(found, request, InvoiceOut, by="stripe_id", at="created_at")
        )
