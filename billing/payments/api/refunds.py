"""What was paid and what went back, over REST; a platform's server asks for refunds."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of
from billing.accounts.scopes import Scope
from billing.http import idempotency, pagination
from billing.http.parsing import StrictIn
from billing.ledger.shapes import CreditsField
from billing.packs.api import PaidIn, PaidOut, fact_of
from billing.payments import selectors
from billing.payments.errors.refunds import (
    InvalidRefund,
    NotReturnable,
    PaymentDisputed,
    RefundTooLarge,
)
from billing.payments.models import Purchase, Refund
from billing.payments.money import written
from billing.payments.services import refunding
from billing.payments.services.refunding import Wish

_ID_LENGTH_MAX = 48


class RefundIn(StrictIn):
    """What is to go back, and why."""

    purchase = serializers.CharField(
        max_length=_ID_LENGTH_MAX, help_text="Of a purchase, or of a pack purchase."
    )
    amount = PaidIn(
        required=False,
        help_text="Left out: all that is left; a cooling-off says itself how much it is.",
    )
    rule = serializers.ChoiceField(
        Refund.Rule.choices,
        help_text="A cooling-off is approved by its rule, goodwill by an operator.",
    )
    reason = serializers.CharField(max_length=64)


class RefundOut(serializers.ModelSerializer[Refund]):
    """Money that goes back: on its way, there, or not."""

    status = serializers.CharField(source="state")
    amount = serializers.SerializerMethodField()
    pack_purchase = serializers.CharField(source="purchase.pack_purchase_id", allow_null=True)
    asked_by = serializers.CharField(source="source")

    class Meta:
        model = Refund
        fields = [
            *("id", "purchase", "pack_purchase", "amount", "status", "rule", "reason"),
            *("asked_by", "failure", "requested_at", "decided_at", "ended_at"),
        ]

    @extend_schema_field(PaidOut)
    def get_amount(self, refund: Refund) -> dict[str, str]:
        """Return the money."""
        return written(refund.amount_micros, refund.purchase.currency)


class RefundPage(serializers.Serializer[Any]):
    """A page of refunds."""

    data = RefundOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class PaymentOut(serializers.ModelSerializer[Purchase]):
    """Money that came, what it brought, and what of both went back."""

    paid = serializers.SerializerMethodField()
    refunded = serializers.SerializerMethodField()
    disputed = serializers.SerializerMethodField()
    credits = CreditsField(source="credited_micros")
    credits_taken = CreditsField(source="taken_micros")

    class Meta:
        model = Purchase
        fields = [
            *("id", "kind", "paid", "refunded", "disputed", "credits", "credits_taken"),
            *("pack_purchase", "subscription", "invoice", "paid_at"),
            *("period_starts_at", "period_ends_at"),
        ]

    @extend_schema_field(PaidOut)
    def get_paid(self, purchase: Purchase) -> dict[str, str]:
        """Return what came."""
        return written(purchase.amount_micros, purchase.currency)

    @extend_schema_field(PaidOut)
    def get_refunded(self, purchase: Purchase) -> dict[str, str]:
        """Return what went back, or is on its way."""
        return written(purchase.refunded_micros, purchase.currency)

    @extend_schema_field(PaidOut)
    def get_disputed(self, purchase: Purchase) -> dict[str, str]:
        """Return what its buyer's bank has taken."""
        return written(purchase.disputed_micros, purchase.currency)


class PaymentPage(serializers.Serializer[Any]):
    """A page of purchases."""

    data = PaymentOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class RefundList(APIView):
    """Refunds."""

    authz: ClassVar = {"GET": "balance.read", "POST": "refund.create"}
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {"POST": [InvalidRefund, RefundTooLarge, PaymentDisputed, NotReturnable]}
    paged = True

    @extend_schema(responses=RefundPage, operation_id="list_refunds")
    def get(self, request: Request) -> Response:
        """List what went back to the account, or is to go, the newest first."""
        account = account_of(request, Scope.BALANCE_READ)
        return Response(pagination.page(selectors.refunds(account), request, RefundOut))

    @extend_schema(request=RefundIn, responses={201: RefundOut}, operation_id="create_refund")
    def post(self, request: Request) -> HttpResponse:
        """Ask for money to go back; service keys only.

        By the catalog's cooling-off it is approved at once: the credits are taken, and Stripe is
        asked. Goodwill is a request that an operator decides on.
        """
        key = idempotency.read_key(request, required=True)
        assert key is not None, "required"
        asked: RefundIn = RefundIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        now = timezone.now()

        def work() -> tuple[int, object]:
            refund = refunding.ask_refund(
                account=account_of(request, Scope.GRANTS_WRITE),
                purchase_ref=said["purchase"],
                wish=Wish(
                    rule=said["rule"],
                    reason=said["reason"],
                    amount_micros=said["amount"]["amount"] if "amount" in said else None,
                    currency=said["amount"]["currency"] if "amount" in said else "",
                ),
                key=fact_of(key),
                now=now,
            )
            return 201, RefundOut(refund).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class PaymentList(APIView):
    """What was paid."""

    authz: ClassVar = {"GET": "balance.read"}
    paged = True

    @extend_schema(responses=PaymentPage, operation_id="list_purchases")
    def get(self, request: Request) -> Response:
        """List what the account has paid through Stripe, the newest first, and what went back."""
        account = account_of(request, Scope.BALANCE_READ)
        return Response(pagination.page(selectors.purchases(account), request, PaymentOut))
