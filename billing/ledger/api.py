"""Balance, grants, entries and the check-in over REST: parse, one call, answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar, Final

from django.http import HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of, caller_of, own_account_of
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.http import errors, idempotency, pagination
from billing.http.parsing import StrictIn
from billing.ledger import selectors, services
from billing.ledger.counting import Counted
from billing.ledger.errors import AmountOutOfRange, NothingToClaim
from billing.ledger.lots import STANDINGS
from billing.ledger.models import Entry, Grant
from billing.ledger.selectors import AS_OF_AHEAD_MAX, Balance
from billing.ledger.services import Actor, Cause, GrantTerms
from plans import selectors as plans
from plans.catalog.schema import Catalog
from plans.credits import format_micros, parse_micros


@extend_schema_field({"type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,6})?$"})
class CreditsField(serializers.Field[int, str, str, Any]):
    """An amount: a decimal string outside, whole micros inside."""

    def to_internal_value(self, data: object) -> int:
        """Return the amount in micros."""
        try:
            if not isinstance(data, str):
                raise ValueError  # noqa: TRY301, TRY004 (one sentence for every wrong amount)
            return parse_micros(data)
        except ValueError:
            raise serializers.ValidationError(self.sentence(), code="invalid_amount") from None

    def sentence(self) -> str:
        """Return how such an amount is written."""
        return _('Write an amount of credits as a decimal string, such as "35" or "0.5".')

    def to_representation(self, value: int) -> str:
        """Return the amount in credits."""
        return format_micros(value)


_EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)  # before any wallet


class ExpiringOut(serializers.Serializer[Any]):
    """Credits that will end."""

    grant = serializers.CharField()
    credits = serializers.CharField()
    expires_at = serializers.DateTimeField()


class NextGrantOut(serializers.Serializer[Any]):
    """Credits that are on their way."""

    at = serializers.DateTimeField()
    credits = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # the contract's name for it
    mode = serializers.ChoiceField(choices=["auto", "claimed"])


class CountedOut(serializers.Serializer[Any]):
    """Counted units of the plan, such as 3 videos a day."""

    code = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.ChoiceField(choices=["order", "output", "second"])
    limit = serializers.CharField()
    used = serializers.CharField()
    left = serializers.CharField()
    resets_at = serializers.DateTimeField(allow_null=True)


class BalanceOut(serializers.Serializer[Any]):
    """A wallet at one instant."""

    as_of = serializers.DateTimeField()
    available = serializers.CharField()
    held = serializers.CharField()
    locked = serializers.CharField(
        help_text="Of the available ones, those that no order may use as the account stands."
    )
    debt = serializers.CharField()
    unit = serializers.CharField()
    by_source = serializers.DictField(child=serializers.CharField())
    counted = CountedOut(many=True)
    expiring = ExpiringOut(many=True)
    next_grant = NextGrantOut(allow_null=True)
    resets_at = serializers.DateTimeField(allow_null=True)


class GrantOut(serializers.ModelSerializer[Grant]):
    """Credits that arrived together, and what is left of them."""

    credits = CreditsField(source="amount_micros")
    pending = CreditsField(source="pending_micros")
    available = CreditsField(source="available_micros")
    held = CreditsField(source="held_micros")
    captured = CreditsField(source="captured_micros")
    expired = CreditsField(source="expired_micros")
    revoked = CreditsField(source="revoked_micros")
    scope = serializers.DictField(help_text="Which orders it pays; empty: all.")
    locked_while = serializers.ListField(
        child=serializers.ChoiceField(choices=list(STANDINGS)),
        help_text="It cannot be spent while the account stands so.",
    )
    expires_at = serializers.DateTimeField(source="gone_at", allow_null=True)

    class Meta:
        model = Grant
        fields = [
            *("id", "source", "reason", "priority", "credits", "pending", "available", "held"),
            *("captured", "expired", "revoked", "scope", "locked_while"),
            *("effective_at", "expires_at", "created_at"),
        ]


class CheckInOut(GrantOut):
    """Today's free credits, and the days in a row on which they were claimed."""

    streak_days = serializers.IntegerField()
    first = serializers.BooleanField(help_text="Whether this check-in gave them.")

    class Meta(GrantOut.Meta):
        fields = [*GrantOut.Meta.fields, "streak_days", "first"]


class GrantIn(StrictIn):
    """Credits that a platform's server gives."""

    credits = CreditsField()
    source = serializers.RegexField(r"^[a-z][a-z0-9_]*$", max_length=32)  # type: ignore[assignment]  # the contract's name for it
    reason = serializers.CharField(max_length=200)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    priority = serializers.IntegerField(min_value=0, max_value=1000, required=False)


class CauseOut(serializers.Serializer[Any]):
    """Why, or who: a type and an id."""

    type = serializers.CharField()
    id = serializers.CharField()


class EntryOut(serializers.ModelSerializer[Entry]):
    """One movement, as it was written down."""

    type = serializers.CharField(source="kind")
    credits = CreditsField(source="amount_micros")
    grant = serializers.CharField(source="grant_id")
    hold = serializers.CharField(source="hold_id", allow_null=True)
    job = serializers.SerializerMethodField()
    balance_after = CreditsField(source="available_after_micros")
    held_after = CreditsField(source="held_after_micros")
    cause = serializers.SerializerMethodField()
    actor = serializers.SerializerMethodField()

    class Meta:
        model = Entry
        fields = [
            *("id", "seq", "type", "credits", "grant", "hold", "job", "balance_after"),
            *("held_after", "cause", "actor", "effective_at", "created_at"),
        ]

    @extend_schema_field(OpenApiTypes.STR)
    def get_job(self, entry: Entry) -> str | None:
        """Return the job that moved the credits, if one did."""
        return entry.cause_id if entry.cause_type == "job" else None

    @extend_schema_field(CauseOut)
    def get_cause(self, entry: Entry) -> dict[str, str]:
        """Return why."""
        return {"type": entry.cause_type, "id": entry.cause_id}

    @extend_schema_field(CauseOut)
    def get_actor(self, entry: Entry) -> dict[str, str]:
        """Return who."""
        return {"type": entry.actor_type, "id": entry.actor_id}


class GrantPage(serializers.Serializer[Any]):
    """A page of grants."""

    data = GrantOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class EntryPage(serializers.Serializer[Any]):
    """A page of entries."""

    data = EntryOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class BalanceView(APIView):
    """What an account has."""

    authz: ClassVar = {"GET": "balance.read"}
    # How an account stands (past due, unsubscribed) is not the ledger's to know; `billing.urls`
    # says who does.
    standing_of: Callable[[Account], frozenset[str]] = staticmethod(lambda _account: frozenset())

    @extend_schema(
        parameters=[OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="RFC 3339.")],
        responses=BalanceOut,
        operation_id="read_balance",
    )
    def get(self, request: Request) -> Response:
        """Read the balance now, at a past instant, or ahead from what is scheduled.

        Of the past it tells what was written down. A forecast of an instant that nobody touched the
        wallet at may differ from what is told once it has passed: a window of an allowance that
        came and went unseen leaves no trace.
        """
        account = account_of(request, Scope.BALANCE_READ)
        as_of = _instant(request.query_params.get("as_of"))
        catalog = plans.current().catalog
        wallet = services.open_wallet(account, catalog=catalog)
        standing = self.standing_of(account)
        found = selectors.balance(wallet, as_of=as_of, standing=standing)
        return Response(_balance_body(found, catalog))


class GrantList(APIView):
    """Lots of credits."""

    authz: ClassVar = {"GET": "balance.read", "POST": "grant.create"}
    paged = True
    idempotency: ClassVar = {"POST": "required"}
    refusals: ClassVar = {"POST": [AmountOutOfRange]}

    @extend_schema(responses=GrantPage, operation_id="list_grants")
    def get(self, request: Request) -> Response:
        """List the account's grants with what is left of each, the newest first."""
        account = account_of(request, Scope.BALANCE_READ)
        return Response(pagination.page(selectors.grants(account), request, GrantOut))

    @extend_schema(request=GrantIn, responses={201: GrantOut}, operation_id="create_grant")
    def post(self, request: Request) -> HttpResponse:
        """Give an account credits; service keys only."""
        key = idempotency.read_key(request, required=True)
        caller = caller_of(request)
        assert key is not None, "required"
        fact = f"service:{sha256(f'{key.caller} {key.key}'.encode()).hexdigest()}"
        now = timezone.now()
        given: GrantIn = GrantIn(data=request.data)

        def work() -> tuple[int, object]:
            account = account_of(request, Scope.GRANTS_WRITE)
            given.is_valid(raise_exception=True)
            locked = services.lock_wallet(account, catalog=plans.current().catalog)
            terms = _terms(given.validated_data, fact=fact, now=locked.now)
            grant = services.grant(
                locked,
                terms,
                cause=Cause("service_grant", caller.key_id),
                actor=Actor(caller.kind, caller.actor_id),
            )
            return 201, GrantOut(grant).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class EntryList(APIView):
    """The ledger."""

    authz: ClassVar = {"GET": "entries.read"}
    paged = True

    @extend_schema(responses=EntryPage, operation_id="list_entries")
    def get(self, request: Request) -> Response:
        """List the account's ledger entries, the newest first."""
        account = account_of(request, Scope.BALANCE_READ)
        entries = selectors.entries(account)
        return Response(pagination.page(entries, request, EntryOut, by="seq"))


class CheckIn(APIView):
    """Today's free credits."""

    acts_for_account: ClassVar = False
    authz: ClassVar = {"POST": "daily.claim"}
    idempotency: ClassVar = {"POST": "optional"}
    refusals: ClassVar = {"POST": [NothingToClaim]}

    @extend_schema(request=None, responses=CheckInOut, operation_id="check_in")
    def post(self, request: Request) -> HttpResponse:
        """Claim today's free credits; a repeat on the same day answers with the same grant."""
        key = idempotency.read_key(request, required=False)
        caller = caller_of(request)

        def work() -> tuple[int, object]:
            account = own_account_of(request)
            locked = services.lock_wallet(account, catalog=plans.current().catalog)
            claim = services.claim(locked, actor=Actor(caller.kind, caller.actor_id))
            told = {"streak_days": claim.streak_days, "first": claim.first}
            return 200, {**GrantOut(claim.grant).data, **told}

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


def _terms(given: dict[str, Any], *, fact: str, now: datetime) -> GrantTerms:
    expires_at = given.get("expires_at")
    if expires_at is not None and expires_at <= now:
        raise serializers.ValidationError({"expires_at": [_("This instant is over.")]})
    return GrantTerms(
        amount_micros=given["credits"],
        source=given["source"],
        fact=fact,
        reason=given["reason"],
        priority=given.get("priority", 100),
        expires_at=expires_at,
    )


def _instant(text: str | None) -> datetime | None:
    """Return the instant of `as_of`; it must say its offset, and lie within five years ahead."""
    if text is None:
        return None
    # A plus sign in a query string arrives as a blank unless it was escaped.
    try:
        instant = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        instant = None
    ahead_max = timezone.now() + AS_OF_AHEAD_MAX
    if instant is None or instant.tzinfo is None or not _EARLIEST <= instant <= ahead_max:
        raise errors.Malformed(
            _("`as_of` is an instant such as 2026-11-23T12:00:00Z, from 2020 to 5 years ahead."),
            parameter="as_of",
        )
    return instant


def _name(counted: Counted) -> str:
    terms = counted.schedule.terms
    return terms.name.said() if terms.name is not None else terms.code


def _balance_body(balance: Balance, catalog: Catalog) -> dict[str, Any]:
    upcoming = balance.next_grant
    return {
        "as_of": balance.as_of,
        "available": format_micros(balance.available_micros),
        "held": format_micros(balance.held_micros),
        "locked": format_micros(balance.locked_micros),
        "debt": "0",  # nothing here can make a debt: credits are held before they are spent
        "unit": catalog.credit.name.said(),
        "by_source": {name: format_micros(total) for name, total in balance.by_source.items()},
        "counted": [
            {
                "code": counted.schedule.terms.code,
                "name": _name(counted),
                "unit": counted.schedule.terms.unit,
                "limit": format_micros(counted.limit_micros),
                "used": format_micros(counted.used_micros),
                "left": format_micros(counted.left_micros),
                "resets_at": counted.resets_at,
            }
            for counted in balance.counted
        ],
        "expiring": [
            {
                "grant": lot.id,
                "credits": format_micros(lot.available_micros),
                "expires_at": lot.expires_at,
            }
            for lot in balance.expiring
        ],
        "next_grant": upcoming
        and {
            "at": upcoming.at,
            "credits": format_micros(upcoming.credits_micros),
            "source": upcoming.source,
            "mode": upcoming.mode,
        },
        "resets_at": balance.resets_at,
    }
