"""Credits that an organization lends to people."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import external_ids
from billing.accounts.authentication import caller_of, person_of
from billing.accounts.errors import AccountFrozen
from billing.accounts.roles import Right
from billing.accounts.scopes import Scope
from billing.http import idempotency, pagination, problems
from billing.http.errors import NotFound
from billing.http.parsing import InstantField, StrictIn
from billing.ledger.errors import AmountOutOfRange, InDebt, NotThereToGive
from billing.ledger.shapes import CreditsField
from billing.organizations import selectors, services
from billing.organizations.api.access import Access, access_of
from billing.organizations.errors import EndIsNotAhead
from billing.organizations.models import Allotment
from billing.packs.api import fact_of


class AllotmentIn(StrictIn):
    """What is lent to whom, and until when."""

    account = serializers.CharField(
        max_length=external_ids.LENGTH_MAX, help_text="The person's external id."
    )
    credits = CreditsField()
    expires_at = InstantField(
        required=False, allow_null=True, help_text="Left out: when the credits themselves end."
    )
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class AllotmentOut(serializers.ModelSerializer[Allotment]):
    """Credits of a pool that a person may use, and where they are."""

    organization = serializers.CharField(source="organization_id")
    account = serializers.CharField(source="account.external_id")
    transfer = serializers.CharField(source="transfer_id")
    credits = CreditsField(source="transfer.amount_micros")
    note = serializers.CharField(source="transfer.note")
    free = CreditsField(source="free_micros")
    held = CreditsField(source="held_micros")
    used = CreditsField(source="used_micros")
    returned = CreditsField(source="brought_micros")
    under_way = serializers.SerializerMethodField(
        help_text="It has left the person, and comes to the pool within seconds."
    )

    class Meta:
        model = Allotment
        fields = [
            *("id", "organization", "account", "transfer", "credits", "note"),
            *("free", "held", "used", "returned", "under_way"),
            *("expires_at", "created_at", "taken_back_at", "closed_at"),
        ]

    def get_under_way(self, allotment: Allotment) -> str:
        """Return what is on its way back."""
        back: int = allotment.back_micros - allotment.brought_micros  # type: ignore[attr-defined]  # `allotments_with_sums` adds them
        return CreditsField().to_representation(back)


class AllotmentPage(serializers.Serializer[Any]):
    """A page of allotments."""

    data = AllotmentOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class OrganizationAllotments(APIView):
    """What an organization lends."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"GET": "allotment.oversee", "POST": "allotment.create"}
    paged = True
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {
        "POST": [EndIsNotAhead, InDebt, NotThereToGive, AmountOutOfRange, AccountFrozen]
    }

    @extend_schema(responses=AllotmentPage, operation_id="list_organization_allotments")
    def get(self, request: Request, organization_id: str) -> Response:
        """List what the organization has lent to whom, the newest first."""
        access = access_of(request, organization_id, Right.SEE_ALL)
        found = selectors.allotments_by(access.organization)
        return Response(pagination.page(found, request, AllotmentOut))

    @extend_schema(
        request=AllotmentIn, responses={201: AllotmentOut}, operation_id="create_allotment"
    )
    def post(self, request: Request, organization_id: str) -> HttpResponse:
        """Lend credits of the pool to a person, a member or not; owners and billing admins.

        They keep the terms that they have, and what he has not used at the end comes back.
        """
        key = idempotency.read_key(request, required=True)
        assert key is not None, "required"
        given: AllotmentIn = AllotmentIn(data=request.data)

        def work() -> tuple[int, object]:
            access = access_of(request, organization_id, Right.SPEND)
            given.is_valid(raise_exception=True)
            said = given.validated_data
            allotment = services.allot(
                access.organization,
                to=said["account"],
                amount_micros=said["credits"],
                expires_at=said.get("expires_at"),
                note=said["note"],
                fact=f"allotment:{fact_of(key)}",
                by=access.membership,
                actor=access.actor,
            )
            return 201, AllotmentOut(allotment).data

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


class AllotmentList(APIView):
    """What a person was lent."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"GET": "allotment.list"}
    paged = True

    @extend_schema(responses=AllotmentPage, operation_id="list_allotments")
    def get(self, request: Request) -> Response:
        """List what organizations have lent to the person, the newest first."""
        person = person_of(request, Scope.BALANCE_READ)
        return Response(pagination.page(selectors.allotments_to(person), request, AllotmentOut))


class AllotmentDetail(APIView):
    """One allotment."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"GET": "allotment.read"}

    @extend_schema(responses=AllotmentOut, operation_id="read_allotment")
    def get(self, request: Request, allotment_id: str) -> Response:
        """Read an allotment: for whoever has it, and for those who answer for the pool."""
        allotment = _allotment(request, allotment_id, Scope.BALANCE_READ)
        caller = caller_of(request)
        is_own = (caller.account is not None or bool(caller.acts_for)) and (
            person_of(request, Scope.BALANCE_READ).pk == allotment.account_id
        )
        if not is_own:
            _answering(request, allotment, Right.SEE_ALL)
        return Response(AllotmentOut(allotment).data)


class AllotmentTakeBack(APIView):
    """The wish to have it back."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"POST": "allotment.take_back"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {"POST": [AccountFrozen]}

    @extend_schema(request=None, responses={200: AllotmentOut}, operation_id="take_back_allotment")
    def post(self, request: Request, allotment_id: str) -> HttpResponse:
        """Take back what is unused: at once what is free, and what is held when its hold ends.

        A repeat changes nothing.
        """
        key = idempotency.read_key(request, required=False)

        def work() -> tuple[int, object]:
            allotment = _allotment(request, allotment_id, Scope.SUBSCRIPTIONS_WRITE)
            access = _answering(request, allotment, Right.SPEND)
            taken = services.take_back(allotment, by=access.membership, actor=access.actor)
            return 200, AllotmentOut(taken).data

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


def _allotment(request: Request, allotment_id: str, scope: Scope) -> Allotment:
    """Return the allotment; whose key has not `scope` is told so, whether there is one or not."""
    caller = caller_of(request)
    by_platform = caller.account is None and not caller.acts_for
    caller.require(Scope.ACCOUNTS_WRITE if by_platform else scope)
    return selectors.allotment(allotment_id, is_sandbox=caller.is_sandbox)


def _answering(request: Request, allotment: Allotment, right: Right) -> Access:
    """Return the access of one who answers for the pool; the allotment is absent for a stranger.

    Raises:
        NotFound: the caller does not belong to the organization.
        Forbidden: his role does not allow it.
    """
    try:
        return access_of(request, allotment.organization_id, right)
    except NotFound:
        raise problems.absent() from None
