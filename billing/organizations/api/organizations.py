"""Organizations: founding them, and what they are called."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import selectors as accounts
from billing.accounts.authentication import caller_of, person_of
from billing.accounts.errors import AccountFrozen
from billing.accounts.members import NAME_LENGTH_MAX, Organization
from billing.accounts.roles import Right
from billing.accounts.scopes import Scope
from billing.http import idempotency, pagination
from billing.http.parsing import StrictIn
from billing.organizations import selectors, services
from billing.organizations.api.access import access_of, actor_of
from plans import selectors as plans

SIGHTS = ["own", "all"]


class OrganizationIn(StrictIn):
    """A new organization."""

    name = serializers.CharField(max_length=NAME_LENGTH_MAX)
    members_see = serializers.ChoiceField(
        choices=SIGHTS, required=False, help_text="Left out: as the catalog says."
    )


class OrganizationChangeIn(StrictIn):
    """What may be changed of an organization; what is left out stays."""

    name = serializers.CharField(max_length=NAME_LENGTH_MAX, required=False)
    members_see = serializers.ChoiceField(choices=SIGHTS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the changes; there must be one.

        Raises:
            ValidationError: there is none.
        """
        if not attrs:
            raise serializers.ValidationError(_("Say what shall change."), code="required")
        return attrs


class OrganizationOut(serializers.ModelSerializer[Organization]):
    """An organization."""

    account = serializers.CharField(
        source="account.external_id", help_text="The external id of its account: its pool."
    )
    members_see = serializers.SerializerMethodField()
    members = serializers.SerializerMethodField()
    seats = serializers.SerializerMethodField()

    class Meta:
        model = Organization
        fields = ["id", "account", "name", "members_see", "members", "seats", "created_at"]

    @extend_schema_field({"type": "string", "enum": SIGHTS})
    def get_members_see(self, organization: Organization) -> str:
        """Return what members see of each other: its own rule, or else the catalog's."""
        return organization.members_see or plans.current().catalog.team.members_see

    @extend_schema_field({"type": "integer"})
    def get_members(self, organization: Organization) -> int:
        """Return how many members are active."""
        return accounts.members_of(organization.account)

    @extend_schema_field({"type": ["integer", "null"]})
    def get_seats(self, organization: Organization) -> int | None:
        """Return how many there may be; None: any number."""
        return selectors.seats_of(organization.account, catalog=plans.current().catalog)


class OrganizationPage(serializers.Serializer[Any]):
    """A page of organizations."""

    data = OrganizationOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class OrganizationList(APIView):
    """The organizations of a person."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"GET": "organization.list", "POST": "organization.create"}
    paged = True
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "sign_up"}
    refusals: ClassVar = {"POST": [AccountFrozen]}

    @extend_schema(responses=OrganizationPage, operation_id="list_organizations")
    def get(self, request: Request) -> Response:
        """List the organizations that the person belongs to, the newest first."""
        person = person_of(request, Scope.BALANCE_READ)
        found = selectors.organizations_of(person).select_related("account")
        return Response(pagination.page(found, request, OrganizationOut))

    @extend_schema(
        request=OrganizationIn, responses={201: OrganizationOut}, operation_id="create_organization"
    )
    def post(self, request: Request) -> HttpResponse:
        """Found an organization: the person is its owner, and its pool is empty."""
        key = idempotency.read_key(request, required=True)
        caller, now = caller_of(request), timezone.now()
        given: OrganizationIn = OrganizationIn(data=request.data)

        def work() -> tuple[int, object]:
            scope = Scope.ACCOUNTS_WRITE if caller.account is None else Scope.SUBSCRIPTIONS_WRITE
            owner = person_of(request, scope)
            given.is_valid(raise_exception=True)
            organization = services.found(
                owner=owner, actor=actor_of(caller), now=now, **given.validated_data
            )
            return 201, OrganizationOut(organization).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class OrganizationDetail(APIView):
    """One organization."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"GET": "organization.read", "PATCH": "organization.change"}
    limit: ClassVar = {"PATCH": "writes"}

    @extend_schema(responses=OrganizationOut, operation_id="read_organization")
    def get(self, request: Request, organization_id: str) -> Response:
        """Read an organization that the caller belongs to."""
        access = access_of(request, organization_id, Right.READ)
        return Response(OrganizationOut(access.organization).data)

    @extend_schema(
        request=OrganizationChangeIn, responses=OrganizationOut, operation_id="change_organization"
    )
    def patch(self, request: Request, organization_id: str) -> Response:
        """Change what it is called, or what its members see of each other; owners only."""
        access = access_of(request, organization_id, Right.GOVERN)
        changed: OrganizationChangeIn = OrganizationChangeIn(data=request.data)
        changed.is_valid(raise_exception=True)
        organization = services.change(access.organization, **changed.validated_data)
        return Response(OrganizationOut(organization).data)
