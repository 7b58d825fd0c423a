"""Packs over REST: sold by the platform's own server, activated by who bought them."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import Caller, account_of, caller_of
from billing.accounts.errors import AccountFrozen
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.http import idempotency, pagination
from billing.http.parsing import StrictIn
from billing.ledger import api as ledger
from billing.ledger import shapes as ledger_shapes
from billing.ledger.errors import AmountOutOfRange
from billing.ledger.living import Coming
from billing.ledger.services import Actor
from billing.packs import selectors, services
from billing.packs.errors import NoPrice, NotIncluded, NotOnSale, QuantityOutOfRange, UnknownPack
from billing.packs.models import PackPurchase
from billing.packs.services import Paid
from billing.subscriptions import services as subscriptions
from billing.subscriptions.selectors import standing_of
from plans import selectors as plans
from plans.credits import format_micros

_PURCHASES_MAX = 100_000  # of one pack at once; the catalog's own bound is the one that counts


class MoneyField(ledger_shapes.CreditsField):
    """An amount of money: a decimal string outside, millionths of its unit inside."""

    def sentence(self) -> str:
        """Return how such an amount is written."""
        return _('Write an amount of money as a decimal string, such as "66.00".')

    def to_representation(self, value: int) -> str:
        """Return the amount as prices are written."""
        whole, _point, places = format_micros(value).partition(".")
        return f"{whole}.{places.ljust(2, '0')}"


class PaidIn(StrictIn):
    """An amount of money."""

    amount = MoneyField()
    currency = serializers.RegexField(r"^[A-Z]{3}$", max_length=3)


class PackIn(StrictIn):
    """A pack that a platform's server has sold."""

    pack = serializers.CharField(max_length=64)
    quantity = serializers.IntegerField(min_value=1, max_value=_PURCHASES_MAX, default=1)
    paid = PaidIn(required=False, help_text="For all of them; left out: the catalog's price.")


class PaidOut(serializers.Serializer[Any]):
    """An amount of money: a decimal string of at least two places, and its currency."""

    amount = serializers.CharField()
    currency = serializers.CharField()


class PurchaseOut(serializers.ModelSerializer[PackPurchase]):
    """So many of one pack, and whether its credits have come into effect."""

    credits = ledger_shapes.CreditsField(source="credits_micros")
    bonus = ledger_shapes.CreditsField(source="bonus_micros")
    status = serializers.SerializerMethodField()
    paid = serializers.SerializerMethodField()
    grants = serializers.SerializerMethodField()

    class Meta:
        model = PackPurchase
        fields = [
            *("id", "pack", "quantity", "credits", "bonus", "paid", "status", "grants"),
            *("bought_at", "activate_by", "activated_at", "expires_at"),
        ]

    @extend_schema_field({"type": "string", "enum": ["waiting", "active"]})
    def get_status(self, purchase: PackPurchase) -> str:
        """Return whether its credits have come into effect."""
        return "active" if purchase.is_active else "waiting"

    @extend_schema_field(PaidOut(allow_null=True))
    def get_paid(self, purchase: PackPurchase) -> dict[str, str] | None:
        """Return what was paid for all of them; None where it was a present."""
        if not purchase.paid_currency:
            return None
        amount = MoneyField().to_representation(purchase.paid_micros)
        return {"amount": amount, "currency": purchase.paid_currency}

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_grants(self, purchase: PackPurchase) -> list[str]:
        """Return its grants: the credits', then the bonus's; none while it waits."""
        return [one for one in (purchase.grant_id, purchase.bonus_grant_id) if one is not None]


class PurchasePage(serializers.Serializer[Any]):
    """A page of purchases."""

    data = PurchaseOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class WaitingOut(serializers.Serializer[Any]):
    """Credits that are bought and come into effect when they are activated."""

    purchase = serializers.CharField()
    pack = serializers.CharField()
    credits = serializers.CharField()
    activate_by = serializers.DateTimeField()


class BalanceWithPacksOut(ledger_shapes.BalanceOut):
    """A wallet at one instant, and what waits beside it."""

    waiting = WaitingOut(many=True)


def coming_of(account: Account, at: datetime) -> list[Coming]:
    """Return what happens to the account's wallet besides what the ledger knows."""
    return coming_between(account, at, at)(at)


def coming_between(
    account: Account, since: datetime, until: datetime
) -> Callable[[datetime], list[Coming]]:
    """Return what tells of instants between these two what `coming_of` does; rows are read once."""
    span = {"since": since, "until": until}
    ends = subscriptions.foreseer(account, catalog=plans.current().catalog, **span)
    packs = selectors.foreseer(account, **span)
    return lambda at: [*ends(at), *packs(at)]


class BalanceView(ledger.BalanceView):
    """What an account has as it stands, with the packs that are not in effect yet."""

    standing_of = staticmethod(standing_of)
    coming_of = staticmethod(coming_of)

    @extend_schema(
        parameters=[OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="RFC 3339.")],
        responses=BalanceWithPacksOut,
        operation_id="read_balance",
    )
    def get(self, request: Request) -> Response:
        """Read the balance now, at a past instant, or ahead from what is scheduled.

        Of a past instant it tells what a forecast of it would have said, whoever looked or not:
        if nothing but time happens until then. A forecast knows the expiry of credits, the
        allowances of the plan, bought packs that begin by themselves, and the announced end of
        a subscription.
        """
        answer = super().get(request)
        account = account_of(request, Scope.BALANCE_READ)
        answer.data["waiting"] = [
            {
                "purchase": one.pk,
                "pack": one.pack,
                "credits": format_micros(one.credits_micros + one.bonus_micros),
                "activate_by": one.activate_by,
            }
            for one in selectors.waiting(account, at=answer.data["as_of"])
        ]
        return answer


class GrantList(ledger.GrantList):
    """Lots of credits; a grant may also be a pack of the catalog, with all that belongs to it."""

    refusals: ClassVar = {
        "POST": [AmountOutOfRange, UnknownPack, NotOnSale, QuantityOutOfRange, NotIncluded, NoPrice]  # type: ignore[list-item]  # more than the ledger's
    }

    @extend_schema(
        request=PolymorphicProxySerializer(
            component_name="GrantOrPack",
            serializers=[ledger_shapes.GrantIn, PackIn],
            resource_type_field_name=None,
        ),
        responses={
            201: PolymorphicProxySerializer(
                component_name="GrantOrPurchase",
                serializers=[ledger_shapes.GrantOut, PurchaseOut],
                resource_type_field_name=None,
            )
        },
        operation_id="create_grant",
    )
    def post(self, request: Request) -> HttpResponse:
        """Give an account credits, or a pack that you have sold; service keys only.

        With `pack` the answer is the purchase: its grants, or when they come into effect.
        """
        if not (isinstance(request.data, dict) and "pack" in request.data):
            return super().post(request)
        key = idempotency.read_key(request, required=True)
        assert key is not None, "required"
        caller = caller_of(request)
        sold: PackIn = PackIn(data=request.data)

        def work() -> tuple[int, object]:
            account = account_of(request, Scope.GRANTS_WRITE)
            sold.is_valid(raise_exception=True)
            said = sold.validated_data.get("paid")
            purchase = services.give(
                account=account,
                pack=sold.validated_data["pack"],
                quantity=sold.validated_data["quantity"],
                fact=fact_of(key),
                paid=Paid(said["amount"], said["currency"]) if said else None,
                actor=Actor(caller.kind, caller.actor_id),
            )
            return 201, PurchaseOut(purchase).data

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


class PurchaseList(APIView):
    """What was bought."""

    authz: ClassVar = {"GET": "balance.read"}
    paged = True

    @extend_schema(responses=PurchasePage, operation_id="list_pack_purchases")
    def get(self, request: Request) -> Response:
        """List the account's packs, the newest first."""
        account = account_of(request, Scope.BALANCE_READ)
        return Response(pagination.page(selectors.purchases(account), request, PurchaseOut))


class PurchaseActivation(APIView):
    """The wish to begin a pack."""

    authz: ClassVar = {"POST": "pack.activate"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {"POST": [AccountFrozen]}

    @extend_schema(
        request=None, responses={200: PurchaseOut}, operation_id="activate_pack_purchase"
    )
    def post(self, request: Request, purchase_id: str) -> HttpResponse:
        """Bring a pack into effect: its credits arrive, and their validity begins.

        A repeat changes nothing.
        """
        key = idempotency.read_key(request, required=False)
        caller = caller_of(request)

        def work() -> tuple[int, object]:
            purchase = services.activate(
                account=account_of(request, own_or(caller, Scope.GRANTS_WRITE)),
                purchase_id=purchase_id,
                by=caller.member,
                actor=Actor(caller.kind, caller.actor_id),
            )
            return 200, PurchaseOut(purchase).data

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


def fact_of(key: idempotency.Key) -> str:
    """Return the business fact of what a service does under this idempotency key."""
    return f"service:{sha256(f'{key.caller} {key.key}'.encode()).hexdigest()}"


def own_or(caller: Caller, scope: Scope) -> Scope:
    """Return what the caller needs for an act that is a person's own, and a service's by `scope`.

    What a person does here with his own account needs no more than to read it; for an
    organization it takes one who may buy for it.
    """
    if caller.seat is not None:
        return Scope.SUBSCRIPTIONS_WRITE
    return scope if caller.account is None else Scope.BALANCE_READ
