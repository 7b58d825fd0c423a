"""Balance, grants, entries and the check-in over REST: parse, one call, answer."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar, Final

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import selectors as accounts
from billing.accounts.api import free_tier_body
from billing.accounts.authentication import account_of, caller_of, own_account_of
from billing.accounts.errors import AccountFrozen, FreeTierRefused
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.http import errors, idempotency, pagination, parsing
from billing.ledger import selectors, services
from billing.ledger.errors import AmountOutOfRange, NothingToClaim
from billing.ledger.living import Coming
from billing.ledger.selectors import AS_OF_AHEAD_MAX
from billing.ledger.services import Actor, Cause, GrantTerms, LockedWallet
from billing.ledger.shapes import (
    BalanceOut,
    CheckInOut,
    EntryOut,
    EntryPage,
    GrantIn,
    GrantOut,
    GrantPage,
    balance_body,
)
from plans import selectors as plans

_EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)  # before any wallet


class BalanceView(APIView):
    """What an account has."""

    authz: ClassVar = {"GET": "balance.read"}
    # How an account stands (past due, unsubscribed) is not the ledger's to know; `billing.urls`
    # says who does.
    standing_of: Callable[[Account], frozenset[str]] = staticmethod(lambda _account: frozenset())
    # Nor what else is to come: bought packs, the end of a subscription.
    coming_of: Callable[[Account, datetime], Iterable[Coming]] = staticmethod(lambda *_: ())

    @extend_schema(
        parameters=[OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="RFC 3339.")],
        responses=BalanceOut,
        operation_id="read_balance",
    )
    def get(self, request: Request) -> Response:
        """Read the balance now, at a past instant, or ahead from what is scheduled."""
        account = account_of(request, Scope.BALANCE_READ)
        as_of = _instant(request.query_params.get("as_of"))
        catalog = plans.current().catalog
        wallet = services.open_wallet(account, catalog=catalog)
        standing = self.standing_of(account)
        found = selectors.balance(
            wallet, as_of=as_of, standing=standing, coming=partial(self.coming_of, account)
        )
        refusal = accounts.free_tier_refusal(
            account.pk, catalog=catalog, is_for_platform=caller_of(request).account is None
        )
        body = {**balance_body(found, catalog), "free_tier": free_tier_body(refusal, catalog)}
        return Response(body)


class GrantList(APIView):
    """Lots of credits."""

    authz: ClassVar = {"GET": "balance.read", "POST": "grant.create"}
    paged = True
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "money"}
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
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {"POST": [AccountFrozen, FreeTierRefused, NothingToClaim]}
    # A subscription may have ended unseen; `billing.urls` says who writes that down.
    brought_up: Callable[..., LockedWallet] = staticmethod(lambda locked, *_, **__: locked)

    @extend_schema(request=None, responses=CheckInOut, operation_id="check_in")
    def post(self, request: Request) -> HttpResponse:
        """Claim today's free credits; a repeat on the same day answers with the same grant."""
        key = idempotency.read_key(request, required=False)
        caller = caller_of(request)

        def work() -> tuple[int, object]:
            account = own_account_of(request)
            catalog = plans.current().catalog
            locked = services.lock_wallet(account, catalog=catalog)
            locked = self.brought_up(locked, account, catalog=catalog)
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
    instant = parsing.read_instant(text)
    ahead_max = timezone.now() + AS_OF_AHEAD_MAX
    if instant is None or not _EARLIEST <= instant <= ahead_max:
        raise errors.Malformed(
            _("`as_of` is an instant such as 2026-11-23T12:00:00Z, from 2020 to 5 years ahead."),
            parameter="as_of",
        )
    return instant
