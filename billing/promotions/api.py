"""Campaigns and codes over REST: parse, one call, answer."""

from typing import ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from billing.accounts.authentication import account_of, caller_of
from billing.accounts.errors import AccountFrozen
from billing.accounts.scopes import Scope
from billing.http import idempotency, problems
from billing.http.errors import RateLimited
from billing.http.parsing import StrictIn
from billing.ledger.errors import AmountOutOfRange
from billing.ledger.services import Actor
from billing.ledger.shapes import GrantOut
from billing.packs.api import PurchaseOut, fact_of, own_or
from billing.packs.errors import NotIncluded
from billing.promotions import codes, services
from billing.promotions.errors import (
    AlreadyGranted,
    AlreadyRedeemed,
    CampaignClosed,
    CampaignExhausted,
    CodeExpired,
    CodeUsedUp,
)
from billing.promotions.models import Redemption
from billing.subscriptions.errors import AlreadySubscribed, PlanNotOnSale, UnknownPlan
from billing.subscriptions.models import Subscription

_OF_CAMPAIGNS = (CampaignClosed, CampaignExhausted, AlreadyGranted, NotIncluded, AmountOutOfRange)


class CampaignGrantIn(StrictIn):
    """Why an account has its share of a campaign."""

    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class CodeIn(StrictIn):
    """A code as it was typed."""

    code = serializers.CharField(max_length=codes.TYPED_LENGTH_MAX)


class JoinedOut(serializers.ModelSerializer[Subscription]):
    """A plan that lasts for a while."""

    class Meta:
        model = Subscription
        fields = ["id", "plan", "started_at", "ends_at"]


class RedemptionOut(serializers.ModelSerializer[Redemption]):
    """What a code gave."""

    gave = serializers.CharField(source="code.kind")
    offer = serializers.CharField(source="code.offer")
    grant = GrantOut(source="campaign_grant.grant", allow_null=True, default=None)
    purchase = PurchaseOut(allow_null=True)
    subscription = JoinedOut(allow_null=True)

    class Meta:
        model = Redemption
        fields = ["id", "gave", "offer", "grant", "purchase", "subscription", "created_at"]


class CampaignGrants(APIView):
    """Shares of a campaign."""

    authz: ClassVar = {"POST": "campaign.grant"}
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {"POST": list(_OF_CAMPAIGNS)}

    @extend_schema(
        request=CampaignGrantIn, responses={201: GrantOut}, operation_id="create_campaign_grant"
    )
    def post(self, request: Request, code: str) -> HttpResponse:
        """Give an account its share of a campaign, out of the budget; service keys only."""
        key = idempotency.read_key(request, required=True)
        assert key is not None, "required"
        caller = caller_of(request)
        given: CampaignGrantIn = CampaignGrantIn(data=request.data)

        def work() -> tuple[int, object]:
            account = account_of(request, Scope.GRANTS_WRITE)
            given.is_valid(raise_exception=True)
            share = services.grant(
                account=account,
                campaign=code,
                fact=fact_of(key),
                reason=given.validated_data["reason"],
                actor=Actor(caller.kind, caller.actor_id),
            )
            return 201, GrantOut(share.grant).data

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


class RedemptionList(APIView):
    """Codes that are redeemed."""

    authz: ClassVar = {"POST": "code.redeem"}
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {
        "POST": [
            *(AccountFrozen, *_OF_CAMPAIGNS, AlreadyRedeemed, CodeExpired, CodeUsedUp, RateLimited),
            *(UnknownPlan, PlanNotOnSale, AlreadySubscribed),
        ]
    }

    @extend_schema(request=CodeIn, responses={201: RedemptionOut}, operation_id="create_redemption")
    def post(self, request: Request) -> HttpResponse:
        """Redeem a code: credits of a campaign, a pack, or a plan for a while.

        Small letters, blanks and hyphens do not matter. Ten wrong codes within an hour, and the
        account waits.
        """
        key = idempotency.read_key(request, required=True)
        caller = caller_of(request)
        given: CodeIn = CodeIn(data=request.data)

        def work() -> tuple[int, object]:
            account = account_of(request, own_or(caller, Scope.GRANTS_WRITE))
            given.is_valid(raise_exception=True)
            redemption = services.redeem(
                account=account,
                typed=given.validated_data["code"],
                by=caller.member,
                actor=Actor(caller.kind, caller.actor_id),
            )
            if redemption is None:  # answered, not raised: the wrong try stays counted
                return problems.problem(problems.absent())
            return 201, RedemptionOut(redemption).data

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))
