"""Programmes over REST: one's own code, coming by another's, and what that earns."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of, caller_of, own_account_of
from billing.accounts.errors import AccountFrozen
from billing.accounts.scopes import Scope
from billing.http import errors, idempotency, pagination
from billing.http.parsing import StrictIn
from billing.ledger.shapes import CreditsField
from billing.packs.api import own_or
from billing.partners import codes, earnings, selectors, services
from billing.partners.errors import (
    AlreadyReferred,
    InvalidPartner,
    NotAPartner,
    NotNew,
    OwnCode,
    ProgrammeClosed,
    ReferralLimit,
)
from billing.partners.models import Partner, Referral, ReferralCode, Reward
from plans import selectors as plans
from plans.catalog.programmes import Programme
from plans.shapes import TextOut


class ComeIn(StrictIn):
    """The code by which an account came, as it was typed."""

    code = serializers.CharField(max_length=codes.TYPED_LENGTH_MAX)


class PartnerIn(StrictIn):
    """On what terms an account is a partner."""

    share = CreditsField(
        source="share_micros",
        required=False,
        allow_null=True,
        help_text='A share of its own, such as "0.2"; left out: the programme\'s.',
    )
    ends_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Nothing counts from then on."
    )


class PartnerOut(serializers.ModelSerializer[Partner]):
    """A partner of a programme."""

    account = serializers.CharField(source="account.external_id")
    share = CreditsField(source="share_micros", allow_null=True)

    class Meta:
        model = Partner
        fields = ["id", "programme", "account", "share", "admitted_at", "ends_at"]


class LinkOut(serializers.Serializer[Any]):
    """An account's code of a programme, and what it is good for."""

    programme = serializers.CharField()
    name = TextOut()
    code = serializers.CharField(help_text="To be passed on; it is no secret.")
    when = serializers.ChoiceField(
        choices=["sign_up", "first_video", "first_purchase", "each_purchase"],
        help_text="What earns the reward.",
    )
    within = serializers.CharField(help_text="How long after somebody came it counts.")
    holdback = serializers.CharField(allow_null=True, help_text="How long a reward waits.")
    referred = serializers.IntegerField(help_text="How many came by the code.")
    created_at = serializers.DateTimeField()


class RewardOut(serializers.ModelSerializer[Reward]):
    """What was earned, and what became of it; it says nothing of who came."""

    referral = serializers.CharField(source="referral_id")
    credits = CreditsField(source="amount_micros")
    status = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()
    grant = serializers.CharField(source="campaign_grant.grant_id", allow_null=True, default=None)

    class Meta:
        model = Reward
        fields = [
            *("id", "referral", "occasion", "credits", "status", "reason", "grant"),
            *("earned_at", "due_at", "settled_at", "taken_back_at"),
        ]

    def get_status(self, reward: Reward) -> str:
        """Return its state; one that is due and not granted yet waits for the next sweep."""
        return reward.state

    def get_reason(self, reward: Reward) -> str | None:
        """Return why it waits, was refused or is void."""
        return reward.reason or None


class ReferralOut(serializers.ModelSerializer[Referral]):
    """That an account came by a code, and what it was welcomed with."""

    programme = serializers.CharField(source="code.programme")
    welcome = serializers.SerializerMethodField()

    class Meta:
        model = Referral
        fields = ["id", "programme", "welcome", "came_at", "counts_until"]

    def get_welcome(self, referral: Referral) -> dict[str, Any] | None:
        """Return the reward of the one who came."""
        found = selectors.welcome_of(referral)
        return None if found is None else dict(RewardOut(found).data)


class CollectedOut(serializers.Serializer[Any]):
    """What was due, and what became of it."""

    data = RewardOut(many=True)  # type: ignore[assignment]  # the contract's name for it


class EarningsOut(serializers.Serializer[Any]):
    """A month's statement: opening + earned - granted - forfeited = held_back."""

    programme = serializers.CharField()
    month = serializers.CharField()
    zone = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    referred = serializers.IntegerField()
    qualified = serializers.IntegerField()
    opening = serializers.CharField()
    earned = serializers.CharField()
    granted = serializers.CharField()
    forfeited = serializers.CharField()
    held_back = serializers.CharField()
    taken_back = serializers.CharField()
    data = RewardOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class ProgrammeLink(APIView):
    """An account's own code."""

    authz: ClassVar = {"GET": "programme.read"}
    refusals: ClassVar = {"GET": [NotAPartner]}

    @extend_schema(responses=LinkOut, operation_id="read_programme_link")
    def get(self, request: Request, code: str) -> Response:
        """Read the account's code of a programme; it is made at the first ask."""
        account = account_of(request, Scope.BALANCE_READ)
        link = services.link(account=account, programme=code, now=timezone.now())
        terms = selectors.programme(plans.current().catalog, code)
        return Response(_link(link, terms))


class ReferralList(APIView):
    """Accounts that came by a code."""

    authz: ClassVar = {"POST": "referral.create"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "sign_up"}
    refusals: ClassVar = {
        "POST": [*(AccountFrozen, OwnCode, AlreadyReferred, ProgrammeClosed, NotNew, ReferralLimit)]
    }

    @extend_schema(request=ComeIn, responses={201: ReferralOut}, operation_id="create_referral")
    def post(self, request: Request) -> HttpResponse:
        """Come by somebody's code, once in the account's life; users' own tokens only.

        A repeat changes nothing. Small letters, blanks and hyphens do not matter.
        """
        key = idempotency.read_key(request, required=False)
        given: ComeIn = ComeIn(data=request.data)
        now = timezone.now()

        def work() -> tuple[int, object]:
            account = own_account_of(request)
            given.is_valid(raise_exception=True)
            referral = services.accept(account=account, typed=given.validated_data["code"], now=now)
            return 201, ReferralOut(referral).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class ProgrammeEarnings(APIView):
    """What an account earned in a programme."""

    authz: ClassVar = {"GET": "programme.read"}
    paged = True

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "month",
                {"type": "string", "pattern": f"^{earnings.MONTH.pattern}$"},
                description="Such as 2026-11, in the account's zone.",
            )
        ],
        responses=EarningsOut,
        operation_id="read_earnings",
    )
    def get(self, request: Request, code: str) -> Response:
        """Read a month's statement, with each reward that was earned, settled or held back."""
        account = account_of(request, Scope.BALANCE_READ)
        selectors.programme(plans.current().catalog, code)
        said = request.query_params.get("month")
        month = earnings.month_of(account, said, at=timezone.now())
        told = earnings.statement(account, code, month)
        page = pagination.page(earnings.lines(account, code, month), request, RewardOut)
        return Response(
            {
                "programme": code,
                "month": month.key,
                "zone": account.zone,
                "starts_at": month.starts_at,
                "ends_at": month.ends_at,
                **earnings.written(told),
                **page,
            }
        )


class ProgrammeCollection(APIView):
    """The wish to have what is due."""

    authz: ClassVar = {"POST": "programme.collect"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "money"}

    @extend_schema(request=None, responses={200: CollectedOut}, operation_id="collect_rewards")
    def post(self, request: Request, code: str) -> HttpResponse:
        """Have what was earned and is due at once, instead of within seconds by itself.

        A hundred rewards at most; a repeat has the next ones.
        """
        key = idempotency.read_key(request, required=False)
        caller = caller_of(request)

        def work() -> tuple[int, object]:
            account = account_of(request, own_or(caller, Scope.GRANTS_WRITE))
            settled = services.collect(account=account, programme=code)
            return 200, CollectedOut({"data": settled}).data

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


class ProgrammePartners(APIView):
    """Accounts that the platform has admitted to a programme."""

    authz: ClassVar = {"POST": "partner.admit"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {"POST": [InvalidPartner]}

    @extend_schema(request=PartnerIn, responses={201: PartnerOut}, operation_id="admit_partner")
    def post(self, request: Request, code: str) -> HttpResponse:
        """Admit an account, or say anew on what terms it is a partner; service keys only."""
        key = idempotency.read_key(request, required=False)
        if caller_of(request).kind != "service":
            raise errors.Forbidden(_("Only the platform's own server may do this."))
        given: PartnerIn = PartnerIn(data=request.data)
        now = timezone.now()

        def work() -> tuple[int, object]:
            account = account_of(request, Scope.GRANTS_WRITE)
            given.is_valid(raise_exception=True)
            partner = services.admit(
                account=account,
                programme=code,
                share_micros=given.validated_data.get("share_micros"),
                ends_at=given.validated_data.get("ends_at"),
                now=now,
            )
            return 201, PartnerOut(partner).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


def _link(link: ReferralCode, terms: Programme) -> dict[str, Any]:
    shown: dict[str, Any] = LinkOut(
        {
            "programme": terms.code,
            "name": terms.name.model_dump(),
            "code": codes.grouped(link.code),
            "when": terms.when,
            "within": terms.within,
            "holdback": terms.holdback,
            "referred": selectors.referrals(link.account, terms.code).count(),
            "created_at": link.created_at,
        }
    ).data
    return shown
