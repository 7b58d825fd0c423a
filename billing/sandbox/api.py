"""Test clocks over REST: for sandbox keys and sandbox users alone."""

from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import selectors as account_selectors
from billing.accounts.authentication import Caller, caller_of
from billing.accounts.external_ids import LENGTH_MAX
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.http import errors, idempotency, pagination, problems
from billing.http.parsing import InstantField, StrictIn
from billing.payments.errors.clocks import CustomerHasNoClock
from billing.sandbox import selectors, services
from billing.sandbox.errors import ClockBusy, ClockGoesForward, NotOnThisClock
from billing.sandbox.models import NAME_LENGTH_MAX, TestClock
from plans import periods
from plans.errors import NoCatalog


class ClockAccountsIn(StrictIn):
    """Which sandbox accounts shall live by a clock."""

    accounts = serializers.ListField(
        child=serializers.CharField(max_length=LENGTH_MAX),
        min_length=1,
        max_length=services.MEMBERS_MAX,
    )


class ClockIn(StrictIn):
    """A new clock. A user's is for himself."""

    name = serializers.CharField(
        max_length=NAME_LENGTH_MAX, required=False, allow_blank=True, default=""
    )
    accounts = serializers.ListField(
        child=serializers.CharField(max_length=LENGTH_MAX),
        max_length=services.MEMBERS_MAX,
        required=False,
        default=list,
    )


class AdvanceIn(StrictIn):
    """Where the clock shall go: to an instant, or by a period."""

    to = InstantField(required=False)
    by = serializers.CharField(
        max_length=32, required=False, help_text="ISO 8601, such as P1M; at most 100 years."
    )

    def validate_by(self, by: str) -> str:
        """Return the period.

        Raises:
            ValidationError: it is none.
        """
        try:
            periods.parse_period(by)
        except ValueError:
            raise serializers.ValidationError(
                _("Write an ISO 8601 period, such as P1M or PT12H.")
            ) from None
        return by

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the wish; it says one of the two.

        Raises:
            ValidationError: it says both, or neither.
        """
        if len(attrs) != 1:
            raise serializers.ValidationError(
                {name: [_both_or_neither(attrs)] for name in ("to", "by")}
            )
        return attrs

    def target(self, shown: datetime) -> datetime:
        """Return the instant that is meant, when the clock shows `shown`."""
        said: dict[str, Any] = self.validated_data
        to: datetime = said["to"] if "to" in said else periods.add_period(shown, said["by"])
        return to


def _both_or_neither(said: dict[str, Any]) -> serializers.ErrorDetail:
    if said:
        return serializers.ErrorDetail(_("Say `to` or `by`, not both."), code="surplus")
    return serializers.ErrorDetail(_("Say `to` or `by`."), code="required")


class LastMoveOut(serializers.Serializer[Any]):
    """What the last move brought about so far, or what join brought an account there."""

    moved_from = serializers.DateTimeField()
    entries = serializers.DictField(child=serializers.IntegerField(), help_text="By kind.")
    events = serializers.DictField(child=serializers.IntegerField(), help_text="By type.")


class ClockOut(serializers.Serializer[Any]):
    """A clock, and what it shows."""

    id = serializers.CharField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=["ready", "advancing", "retired"])
    now = serializers.DateTimeField()
    goal = serializers.DateTimeField(allow_null=True)
    accounts = serializers.ListField(child=serializers.CharField())
    last = LastMoveOut(allow_null=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: TestClock) -> dict[str, Any]:
        """Return the clock as it is told."""
        last = None
        if instance.moved_from is not None:
            last = {"moved_from": instance.moved_from, **selectors.happened(instance)}
        told: dict[str, Any] = super().to_representation(
            {
                "id": instance.pk,
                "name": instance.name,
                "status": instance.status,
                "now": selectors.shows(instance),
                "goal": instance.goal_at,
                "accounts": [one.external_id for one in selectors.accounts_of(instance)],
                "last": last,
                "created_at": instance.created_at,
            }
        )
        return told


class ClockPage(serializers.Serializer[Any]):
    """A page of clocks."""

    data = ClockOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class ClockList(APIView):
    """Test clocks."""

    acts_for_account: ClassVar = False
    authz: ClassVar = {"GET": "test_clock.read", "POST": "test_clock.write"}
    paged = True
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {"POST": [errors.NotFound, NotOnThisClock, CustomerHasNoClock, NoCatalog]}

    @extend_schema(responses=ClockPage, operation_id="list_test_clocks")
    def get(self, request: Request) -> Response:
        """List the clocks, the newest first."""
        found = selectors.clocks(_owner(request))
        return Response(pagination.page(found, request, ClockOut))

    @extend_schema(request=ClockIn, responses={201: ClockOut}, operation_id="create_test_clock")
    def post(self, request: Request) -> HttpResponse:
        """Make a clock that sandbox accounts live by; it shows what the latest of them did."""
        key = idempotency.read_key(request, required=False)
        owner, now = _owner(request), timezone.now()
        wish: ClockIn = ClockIn(data=request.data)

        def work() -> tuple[int, object]:
            wish.is_valid(raise_exception=True)
            said = wish.validated_data
            accounts = _accounts(request, said["accounts"]) if owner is None else [owner]
            if owner is not None and said["accounts"] not in ([], [owner.external_id]):
                raise errors.Forbidden(_("A user's clock is for himself."))
            clock = services.create(owner=owner, name=said["name"], accounts=accounts, now=now)
            return 201, ClockOut(clock).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class ClockDetail(APIView):
    """One test clock."""

    acts_for_account: ClassVar = False
    authz: ClassVar = {"GET": "test_clock.read", "DELETE": "test_clock.write"}
    limit: ClassVar = {"DELETE": "writes"}
    refusals: ClassVar = {"DELETE": [ClockBusy]}

    @extend_schema(responses=ClockOut, operation_id="read_test_clock")
    def get(self, request: Request, clock_id: str) -> Response:
        """Read what a clock shows, whether it is on its way, and what its last move did."""
        return Response(ClockOut(selectors.clock(_owner(request), clock_id)).data)

    @extend_schema(responses={204: None}, operation_id="retire_test_clock")
    def delete(self, request: Request, clock_id: str) -> Response:
        """Retire a clock: its accounts stay where they are in time, and may go to another."""
        clock = selectors.clock(_owner(request), clock_id)
        services.retire(clock=clock, now=timezone.now())
        return Response(status=204)


class ClockAccounts(APIView):
    """The accounts of a test clock."""

    acts_for_account: ClassVar = False
    authz: ClassVar = {"POST": "test_clock.join"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {"POST": [ClockBusy, NotOnThisClock, CustomerHasNoClock, NoCatalog]}

    @extend_schema(
        request=ClockAccountsIn, responses=ClockOut, operation_id="add_test_clock_accounts"
    )
    def post(self, request: Request, clock_id: str) -> HttpResponse:
        """Let more sandbox accounts live by a clock; service keys only."""
        key = idempotency.read_key(request, required=False)
        now = timezone.now()
        wish: ClockAccountsIn = ClockAccountsIn(data=request.data)

        def work() -> tuple[int, object]:
            if _owner(request) is not None:
                raise errors.Forbidden(_("A user's clock is for himself."))
            clock = selectors.clock(None, clock_id)
            wish.is_valid(raise_exception=True)
            accounts = _accounts(request, wish.validated_data["accounts"])
            return 200, ClockOut(services.join(clock=clock, accounts=accounts, now=now)).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class ClockAdvance(APIView):
    """The move of a test clock."""

    acts_for_account: ClassVar = False
    authz: ClassVar = {"POST": "test_clock.write"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {"POST": [ClockBusy, ClockGoesForward]}

    @extend_schema(request=AdvanceIn, responses={202: ClockOut}, operation_id="advance_test_clock")
    def post(self, request: Request, clock_id: str) -> HttpResponse:
        """Send a clock forward, by two years at most; read it until it is ready again.

        On its way it stops at each instant at which something comes due for one of its accounts.
        """
        key = idempotency.read_key(request, required=False)
        now = timezone.now()
        wish: AdvanceIn = AdvanceIn(data=request.data)

        def work() -> tuple[int, object]:
            clock = selectors.clock(_owner(request), clock_id)
            wish.is_valid(raise_exception=True)
            to = wish.target(selectors.shows(clock))
            try:
                clock = services.advance(clock=clock, to=to, now=now)
            except ClockGoesForward as refusal:
                refusal.points_at("/to" if "to" in wish.validated_data else "/by")
                raise
            return 202, ClockOut(clock).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


def _owner(request: Request) -> Account | None:
    """Return the sandbox user who calls; None: a sandbox key of the platform does.

    Raises:
        Forbidden: it is no sandbox caller, or the key has not `accounts:write`.
    """
    caller = caller_of(request)
    if not caller.is_sandbox:
        raise errors.Forbidden(_("Only the sandbox has test clocks."))
    if caller.account is None:
        caller.require(Scope.ACCOUNTS_WRITE)
    return caller.account


def _accounts(request: Request, names: list[str]) -> list[Account]:
    """Return the sandbox accounts of these names.

    Raises:
        NotFound: one of them is absent.
    """
    caller: Caller = caller_of(request)
    found = {}
    for place, name in enumerate(names):
        account = account_selectors.find_account(name, is_sandbox=caller.is_sandbox)
        if account is None:
            raise problems.absent(pointer=f"/accounts/{place}")
        found[account.pk] = account
    return list(found.values())
