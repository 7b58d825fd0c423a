"""Checkout over REST: where a plan or a pack is paid."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of, caller_of
from billing.accounts.errors import AccountFrozen
from billing.accounts.scopes import Scope
from billing.http import idempotency
from billing.http.parsing import StrictIn
from billing.packs.errors import NoPrice, NotIncluded, NotOnSale, QuantityOutOfRange, UnknownPack
from billing.payments import selectors, services
from billing.payments.api.buyers import buyer_of, language_of
from billing.payments.errors import (
    CannotBePaid,
    PaymentsAway,
    PaymentsNotConfigured,
    PaymentsRefused,
    PriceOutOfStep,
    SubscribedAlready,
    UnsafeAddress,
)
from billing.payments.models import Checkout
from billing.payments.money import written
from billing.payments.services import Wish
from billing.subscriptions.errors import (
    FewerSeatsThanMembers,
    NoSuchPrice,
    PlanNotOnSale,
    SeatsOutOfRange,
    UnknownPlan,
)
from plans.catalog.values import WHOLE_MAX
from plans.errors import NoCatalog
from plans.shapes import MoneyOut

_ADDRESS_LENGTH_MAX = 2000
_QUANTITY_MAX = 100_000  # of one pack at once; the catalog's own bound is the one that counts


class CheckoutIn(StrictIn):
    """A plan and its interval, or a pack and how many; and where its buyer is led afterwards."""

    plan = serializers.CharField(max_length=64, required=False)
    interval = serializers.CharField(
        max_length=32, required=False, help_text='Of a plan: "P1M", "P6M", "P1Y".'
    )
    seats = serializers.IntegerField(
        min_value=1,
        max_value=WHOLE_MAX,
        required=False,
        help_text="Of an organization's plan; absent: as many as it has, or the fewest.",
    )
    pack = serializers.CharField(max_length=64, required=False)
    quantity = serializers.IntegerField(min_value=1, max_value=_QUANTITY_MAX, required=False)
    success_url = serializers.CharField(
        max_length=_ADDRESS_LENGTH_MAX,
        help_text="By https. `{CHECKOUT_SESSION_ID}` in it becomes Stripe's id of the page.",
    )
    cancel_url = serializers.CharField(max_length=_ADDRESS_LENGTH_MAX, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return what is wanted; it is a plan or a pack, not both.

        Raises:
            ValidationError: it is not, or says of one what only the other has.
        """
        if ("plan" in attrs) == ("pack" in attrs):
            raise serializers.ValidationError(_("Say a plan or a pack."), code="required")
        others = ("quantity",) if "plan" in attrs else ("interval", "seats")
        for name in others:
            if name in attrs:
                raise serializers.ValidationError(
                    {name: [_("This belongs to the other kind of purchase.")]}, code="unknown"
                )
        if "plan" in attrs and "interval" not in attrs:
            raise serializers.ValidationError(
                {"interval": [_("Say for how long a plan is paid.")]}, code="required"
            )
        return attrs


class CheckoutOut(serializers.ModelSerializer[Checkout]):
    """Where something is paid, and how that stands."""

    status = serializers.SerializerMethodField()
    plan = serializers.SerializerMethodField()
    pack = serializers.SerializerMethodField()
    interval = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    trial = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField()
    renewal = serializers.SerializerMethodField()

    class Meta:
        model = Checkout
        fields = [
            *("id", "url", "status", "plan", "interval", "seats", "pack", "quantity"),
            *("amount", "renewal", "trial", "created_at", "expires_at"),
        ]

    @extend_schema_field({"type": "string", "enum": list(Checkout.State.values)})
    def get_status(self, checkout: Checkout) -> str:
        """Return how it stands."""
        return checkout.state

    @extend_schema_field({"type": ["string", "null"], "format": "uri"})
    def get_url(self, checkout: Checkout) -> str | None:
        """Return the page; None: it is not open, or no more."""
        return checkout.url if checkout.state == Checkout.State.OPEN else None

    @extend_schema_field({"type": ["string", "null"]})
    def get_plan(self, checkout: Checkout) -> str | None:
        """Return which plan is paid."""
        return checkout.code if checkout.kind == Checkout.Kind.PLAN else None

    @extend_schema_field({"type": ["string", "null"]})
    def get_pack(self, checkout: Checkout) -> str | None:
        """Return which pack is paid."""
        return checkout.code if checkout.kind == Checkout.Kind.PACK else None

    @extend_schema_field({"type": ["string", "null"]})
    def get_interval(self, checkout: Checkout) -> str | None:
        """Return for how long a plan is paid."""
        return checkout.interval or None

    @extend_schema_field({"type": ["string", "null"]})
    def get_trial(self, checkout: Checkout) -> str | None:
        """Return how long nothing is paid yet."""
        return checkout.trial or None

    @extend_schema_field(MoneyOut)
    def get_amount(self, checkout: Checkout) -> dict[str, str]:
        """Return what is paid first, before any code; of a trial, after it."""
        return written(checkout.amount_micros, checkout.currency)

    @extend_schema_field(MoneyOut(allow_null=True))
    def get_renewal(self, checkout: Checkout) -> dict[str, str] | None:
        """Return what each later period of a plan costs."""
        if checkout.kind != Checkout.Kind.PLAN:
            return None
        return written(checkout.renewal_micros, checkout.currency)


class CheckoutList(APIView):
    """Pages on which plans and packs are paid."""

    authz: ClassVar = {"POST": "checkout.create"}
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {
        "POST": [
            *(PaymentsNotConfigured, PaymentsAway, PaymentsRefused, PriceOutOfStep),
            *(AccountFrozen, CannotBePaid, UnsafeAddress, NoCatalog),
            *(UnknownPlan, PlanNotOnSale, NoSuchPrice, SubscribedAlready),
            *(SeatsOutOfRange, FewerSeatsThanMembers),
            *(UnknownPack, NotOnSale, QuantityOutOfRange, NotIncluded, NoPrice),
        ]
    }

    @extend_schema(
        request=CheckoutIn, responses={201: CheckoutOut}, operation_id="create_checkout_session"
    )
    def post(self, request: Request) -> HttpResponse:
        """Open a page of Stripe's on which the account pays for a plan or a pack.

        The price is the one of this moment. What was paid is given when Stripe says so, a moment
        after the buyer is led back.
        """
        key = idempotency.read_key(request, required=True)
        given: CheckoutIn = CheckoutIn(data=request.data)
        language, now = language_of(request), timezone.now()

        def intend() -> str:
            account = buyer_of(request)
            given.is_valid(raise_exception=True)
            wish = Wish(**given.validated_data, language=language)
            return services.ask(
                account=account, wish=wish, by=caller_of(request).member, now=now
            ).pk

        answer = idempotency.answer_in_steps(
            key,
            intend=intend,
            carry_out=lambda checkout_id: services.open_page(checkout_id=checkout_id, now=now),
            tell=lambda checkout_id: CheckoutOut(Checkout.objects.get(pk=checkout_id)).data,
            now=now,
        )
        return idempotency.respond(answer)


class CheckoutDetail(APIView):
    """One page."""

    authz: ClassVar = {"GET": "purchases.read"}

    @extend_schema(responses=CheckoutOut, operation_id="read_checkout_session")
    def get(self, request: Request, checkout_id: str) -> Response:
        """Read how a checkout stands: `completed` when what was paid is there, or on its way."""
        account = account_of(request, Scope.BALANCE_READ)
        return Response(CheckoutOut(selectors.checkout(account, checkout_id)).data)
