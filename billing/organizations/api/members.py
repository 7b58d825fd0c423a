"""Who belongs to an organization: invitations, roles, ceilings."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import external_ids
from billing.accounts.authentication import caller_of, person_of
from billing.accounts.errors import InvalidAccount
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.accounts.roles import Right, Role
from billing.accounts.scopes import Scope
from billing.http import idempotency, pagination
from billing.http.parsing import StrictIn
from billing.ledger.shapes import CreditsField
from billing.organizations import selectors, services
from billing.organizations.api.access import access_of, actor_of
from billing.organizations.errors import (
    AlreadyMember,
    InvitationsFull,
    LastOwner,
    NoSeatLeft,
    NotAMember,
)
from plans.credits import format_micros

ROLES = [role.value for role in Role]


class InvitationIn(StrictIn):
    """Whom to invite, and as what."""

    account = serializers.CharField(
        max_length=external_ids.LENGTH_MAX, help_text="The person's external id."
    )
    role = serializers.ChoiceField(choices=ROLES, default=Role.MEMBER.value)


class CeilingIn(StrictIn):
    """How many credits of the pool in each window of the organization's calendar."""

    credits = CreditsField()
    per = serializers.ChoiceField(choices=["day", "week", "month", "ever"])


class MemberChangeIn(StrictIn):
    """What may be changed of a member; what is left out stays."""

    role = serializers.ChoiceField(choices=ROLES, required=False)
    ceiling = CeilingIn(required=False, allow_null=True, help_text="Null: none any more.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the changes; there must be one.

        Raises:
            ValidationError: there is none.
        """
        if not attrs:
            raise serializers.ValidationError(_("Say what shall change."), code="required")
        return attrs


class CeilingOut(serializers.Serializer[Any]):
    """How many credits of the pool a member may use in each window."""

    credits = serializers.CharField()
    per = serializers.CharField()


class MemberOut(serializers.ModelSerializer[Membership]):
    """A person's place in an organization."""

    organization = serializers.CharField(source="organization_id")
    name = serializers.CharField(source="organization.name")
    account = serializers.CharField(source="account.external_id")
    ceiling = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = [
            *("id", "organization", "name", "account", "role", "state", "ceiling"),
            *("invited_at", "joined_at", "ended_at"),
        ]

    @extend_schema_field(CeilingOut(allow_null=True))
    def get_ceiling(self, membership: Membership) -> dict[str, str] | None:
        """Return it; None: as many credits as there are."""
        if membership.ceiling_micros is None:
            return None
        micros, per = membership.ceiling_micros, membership.ceiling_per
        return {"credits": format_micros(micros), "per": per}


class MemberPage(serializers.Serializer[Any]):
    """A page of memberships."""

    data = MemberOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class MemberList(APIView):
    """The people of an organization."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"GET": "member.read", "POST": "member.invite"}
    authz_of_fields: ClassVar = {"POST": {"role": "member.promote"}}
    paged = True
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "sign_up"}
    refusals: ClassVar = {"POST": [InvalidAccount, AlreadyMember, InvitationsFull]}

    @extend_schema(responses=MemberPage, operation_id="list_members")
    def get(self, request: Request, organization_id: str) -> Response:
        """List who belongs to it, is invited, or did belong to it; the newest first."""
        access = access_of(request, organization_id, Right.READ)
        return Response(pagination.page(selectors.members(access.organization), request, MemberOut))

    @extend_schema(request=InvitationIn, responses={201: MemberOut}, operation_id="invite_member")
    def post(self, request: Request, organization_id: str) -> HttpResponse:
        """Invite a person; he belongs to it when he has accepted.

        A billing admin invites members, an owner whomever he likes.
        """
        key = idempotency.read_key(request, required=True)
        given: InvitationIn = InvitationIn(data=request.data)

        def work() -> tuple[int, object]:
            access = access_of(request, organization_id, Right.INVITE)
            given.is_valid(raise_exception=True)
            role = Role(given.validated_data["role"])
            if role != Role.MEMBER:
                access.require(Right.GOVERN)
            invited = services.invite(
                access.organization,
                external_id=given.validated_data["account"],
                role=role,
                actor=access.actor,
            )
            return 201, MemberOut(invited).data

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


class MemberDetail(APIView):
    """One membership."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"GET": "member.read", "PATCH": "member.change", "DELETE": "member.remove"}
    authz_of_fields: ClassVar = {"PATCH": {"role": "member.promote"}}
    limit: ClassVar = {"PATCH": "writes", "DELETE": "writes"}
    refusals: ClassVar = {"PATCH": [LastOwner, NotAMember], "DELETE": [LastOwner]}

    @extend_schema(responses=MemberOut, operation_id="read_member")
    def get(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """Read a membership."""
        access = access_of(request, organization_id, Right.READ)
        return Response(MemberOut(selectors.member(access.organization, membership_id)).data)

    @extend_schema(request=MemberChangeIn, responses=MemberOut, operation_id="change_member")
    def patch(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """Change a role (owners) or a ceiling (owners and billing admins)."""
        access = access_of(request, organization_id, Right.SPEND)
        changed: MemberChangeIn = MemberChangeIn(data=request.data)
        changed.is_valid(raise_exception=True)
        said = changed.validated_data
        if "role" in said:
            access.require(Right.GOVERN)
        membership = services.change_member(
            access.organization,
            membership_id,
            role=Role(said["role"]) if "role" in said else None,
            ceiling=_ceiling(said["ceiling"]) if "ceiling" in said else None,
            actor=access.actor,
        )
        return Response(MemberOut(membership).data)

    @extend_schema(responses={204: None}, operation_id="remove_member")
    def delete(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """Remove a member (owners), or leave (oneself); a repeat changes nothing."""
        access = access_of(request, organization_id, Right.READ, writes=True)
        is_own = access.membership is not None and access.membership.pk == membership_id
        if not is_own:
            access.require(Right.GOVERN)
        services.remove(access.organization, membership_id, actor=access.actor)
        return Response(status=HTTPStatus.NO_CONTENT)


class InvitationList(APIView):
    """A person's invitations."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"GET": "invitation.read"}
    paged = True

    @extend_schema(responses=MemberPage, operation_id="list_invitations")
    def get(self, request: Request) -> Response:
        """List the invitations that the person has not answered."""
        person = person_of(request, Scope.BALANCE_READ)
        return Response(pagination.page(selectors.invitations_of(person), request, MemberOut))


class InvitationAcceptance(APIView):
    """A yes."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"POST": "invitation.answer"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "sign_up"}
    refusals: ClassVar = {"POST": [NoSeatLeft, NotAMember]}

    @extend_schema(request=None, responses={200: MemberOut}, operation_id="accept_invitation")
    def post(self, request: Request, membership_id: str) -> HttpResponse:
        """Accept an invitation: from now on the person belongs to it. A repeat changes nothing."""
        return _answer(request, membership_id, services.accept)


class InvitationRefusal(APIView):
    """A no."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"POST": "invitation.answer"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "sign_up"}
    refusals: ClassVar = {"POST": [AlreadyMember]}

    @extend_schema(request=None, responses={200: MemberOut}, operation_id="decline_invitation")
    def post(self, request: Request, membership_id: str) -> HttpResponse:
        """Decline an invitation. A repeat changes nothing."""
        return _answer(request, membership_id, services.decline)


def _answer(request: Request, membership_id: str, verb: Callable[..., Membership]) -> HttpResponse:
    key = idempotency.read_key(request, required=False)
    caller = caller_of(request)

    def work() -> tuple[int, object]:
        person = person_of(request, _own_scope(caller.account))
        return 200, MemberOut(verb(person, membership_id, actor=actor_of(caller))).data

    return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


def _own_scope(account: Account | None) -> Scope:
    return Scope.ACCOUNTS_WRITE if account is None else Scope.BALANCE_READ


def _ceiling(said: dict[str, Any] | None) -> services.Ceiling:
    if said is None:
        return services.Ceiling(None)
    return services.Ceiling(said["credits"], said["per"])
