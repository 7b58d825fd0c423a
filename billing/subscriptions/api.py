"""What an account is on, over REST; platforms that sell plans themselves say so here."""

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

from billing.accounts import signals
from billing.accounts.api import FreeTierOut, account_named, free_tier_body
from billing.accounts.authentication import account_of, caller_of
from billing.accounts.errors import InvalidAccount, InvalidSignal
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.accounts.signals import Signal
from billing.http import errors, idempotency, problems
from billing.http.parsing import InstantField, StrictIn
from billing.subscriptions import selectors, services
from billing.subscriptions.errors import (
    AlreadySubscribed,
    EndIsOver,
    FewerSeatsThanMembers,
    NoSuchPrice,
    PlanNotOnSale,
    SeatsOutOfRange,
    UnknownPlan,
)
from billing.subscriptions.models import Subscription
from billing.subscriptions.selectors import NextChange
from plans import selectors as plans
from plans.catalog.values import WHOLE_MAX
from plans.errors import NoCatalog
from plans.selectors import Published
from plans.shapes import MoneyOut, TextOut, money


class SubscriptionIn(StrictIn):
    """What an account is on from now on, by the word of the platform's server."""

    plan = serializers.CharField(max_length=64)
    interval = serializers.CharField(max_length=32, required=False, allow_null=True)
    currency = serializers.RegexField(r"^[A-Z]{3}$", required=False, allow_null=True)
    ends_at = InstantField(required=False, allow_null=True)
    seats = serializers.IntegerField(
        min_value=1,
        max_value=WHOLE_MAX,
        required=False,
        allow_null=True,
        help_text="Of an organization; absent: as before.",
    )
    past_due = serializers.BooleanField(required=False, help_text="Has not paid; absent: has.")


class SignalsIn(StrictIn):
    """What the platform has verified of a person; of each value only a seal is kept."""

    email = serializers.CharField(
        max_length=signals.LENGTH_MAX, required=False, help_text="Verified, or its SHA-256."
    )
    phone = serializers.CharField(
        max_length=signals.LENGTH_MAX,
        required=False,
        help_text="Verified, with its country's code, or its SHA-256.",
    )
    card = serializers.CharField(
        max_length=signals.LENGTH_MAX, required=False, help_text="Its fingerprint, not its number."
    )
    device = serializers.CharField(max_length=signals.LENGTH_MAX, required=False)
    ip = serializers.CharField(
        max_length=signals.LENGTH_MAX, required=False, help_text="From where it signs up."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the signals; there must be one.

        Raises:
            ValidationError: there is none.
        """
        if not attrs:
            raise serializers.ValidationError(_("Say at least one signal."), code="required")
        return attrs


class SignalsOut(serializers.Serializer[Any]):
    """What the signals have brought about."""

    free_tier = FreeTierOut(allow_null=True, help_text="Null: the catalog admits everybody.")


class PlanPriceOut(serializers.Serializer[Any]):
    """What was sold: the first period's price, and each later one's."""

    first = MoneyOut()
    renewal = MoneyOut()


class NextChangeOut(serializers.Serializer[Any]):
    """What happens to the subscription next by itself."""

    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=["changes", "ends", "moves"])
    plan = serializers.CharField(allow_null=True, help_text="The plan afterwards.")


class SubscriptionOut(serializers.Serializer[Any]):
    """What an account is on; without a subscription, the free plan."""

    id = serializers.CharField(allow_null=True)
    plan = serializers.CharField(allow_null=True)
    name = TextOut(allow_null=True)
    interval = serializers.CharField(allow_null=True)
    price = PlanPriceOut(allow_null=True)
    book = serializers.CharField(allow_null=True)
    seats = serializers.IntegerField(allow_null=True)
    catalog = serializers.CharField(help_text="The version whose terms of the plan count.")
    since = serializers.DateTimeField(allow_null=True)
    standing = serializers.ListField(child=serializers.CharField())
    past_due_since = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True, help_text="Null: it goes on.")
    trial_ends_at = serializers.DateTimeField(allow_null=True)
    paused_since = serializers.DateTimeField(allow_null=True)
    paid_until = serializers.DateTimeField(
        allow_null=True, help_text="Null: it is not paid for by periods here."
    )
    access_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when it counts without another payment."
    )
    next_change = NextChangeOut(allow_null=True)


class SubscriptionView(APIView):
    """What an account is on."""

    authz: ClassVar = {"GET": "subscription.read", "PUT": "subscription.set"}
    idempotency: ClassVar = {"PUT": "optional"}
    limit: ClassVar = {"PUT": "money"}
    refusals: ClassVar = {
        "GET": [NoCatalog],
        "PUT": [
            *(AlreadySubscribed, EndIsOver, NoCatalog, NoSuchPrice),
            *(PlanNotOnSale, UnknownPlan, SeatsOutOfRange, FewerSeatsThanMembers),
        ],
    }

    def shown(self, account: Account) -> dict[str, Any]:
        """Return what is answered about an account."""
        return shown(account)

    @extend_schema(responses=SubscriptionOut, operation_id="read_subscription")
    def get(self, request: Request) -> Response:
        """Read the plan, its price, how the account stands, and what changes next."""
        return Response(self.shown(account_of(request, Scope.BALANCE_READ)))

    @extend_schema(
        request=SubscriptionIn, responses=SubscriptionOut, operation_id="set_subscription"
    )
    def put(self, request: Request) -> HttpResponse:
        """Put the account on a plan that the platform has sold; service keys only.

        A repeat changes nothing. The free plan ends the subscription.
        """
        key = idempotency.read_key(request, required=False)
        caller = caller_of(request)
        if caller.kind != "service" or caller.seat is not None:  # no member sells to his pool
            raise errors.Forbidden(_("Only the platform's own server may do this."))
        wish: SubscriptionIn = SubscriptionIn(data=request.data)

        def work() -> tuple[int, object]:
            account = account_of(request, Scope.SUBSCRIPTIONS_WRITE)
            wish.is_valid(raise_exception=True)
            said = wish.validated_data
            services.keep(
                account=account,
                plan=said["plan"],
                interval=said.get("interval"),
                currency=said.get("currency"),
                ends_at=said.get("ends_at"),
                is_past_due=said.get("past_due", False),
                seats=said.get("seats"),
            )
            return 200, self.shown(account)

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))


class SignalList(APIView):
    """What tells one person's accounts apart from another's; service keys only."""

    acts_for_account: ClassVar = False
    authz: ClassVar = {"POST": "account.change"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "sign_up"}
    refusals: ClassVar = {"POST": [InvalidAccount, InvalidSignal, NoCatalog]}

    @extend_schema(request=SignalsIn, responses=SignalsOut, operation_id="tell_signals")
    def post(self, request: Request, external_id: str) -> HttpResponse:
        """Tell what is known of a person, made known here if nobody has seen him yet.

        Where the catalog gives free credits once to each identity, this decides whether they come.
        """
        key = idempotency.read_key(request, required=False)
        given: SignalsIn = SignalsIn(data=request.data)
        now = timezone.now()

        def work() -> tuple[int, object]:
            account = account_named(request, external_id, now=now)
            if not account.is_person:
                raise problems.absent()
            given.is_valid(raise_exception=True)
            told = {Signal(kind): value for kind, value in given.validated_data.items()}
            refusal = services.tell_signals(account=account, told=told, now=now)
            catalog = plans.current().catalog
            return 200, {"free_tier": free_tier_body(refusal, catalog)}

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


def shown(account: Account) -> dict[str, Any]:
    """Return what an account is on, as every answer about it says."""
    published = plans.current()
    membership = selectors.membership_of(account, catalog=published.catalog)
    plan = membership.plan
    return {
        "plan": plan and plan.code,
        "name": plan and plan.name.model_dump(),
        "standing": sorted(membership.standing),
        **_sold(membership.subscription, published),
    }


def _sold(subscription: Subscription | None, published: Published) -> dict[str, Any]:
    """Return what was sold; of an account without a subscription, that nothing was."""
    if subscription is None:
        nothing = dict.fromkeys(
            (
                *("id", "interval", "price", "book", "seats", "since", "past_due_since"),
                *("ends_at", "trial_ends_at", "paused_since", "paid_until", "access_until"),
                "next_change",
            )
        )
        return {**nothing, "catalog": published.version_id}
    upcoming = selectors.next_change(subscription, published.catalog, at=timezone.now())
    return {
        "id": subscription.pk,
        "interval": subscription.interval or None,
        "price": _price(subscription),
        "book": subscription.book or None,
        "seats": subscription.seats,
        "since": written_instant(subscription.started_at),
        "past_due_since": written_instant(subscription.past_due_at),
        "ends_at": written_instant(subscription.ends_at),
        "trial_ends_at": written_instant(subscription.trial_ends_at),
        "paused_since": written_instant(subscription.paused_at),
        "paid_until": written_instant(subscription.paid_until),
        "access_until": written_instant(selectors.access_until(subscription)),
        "next_change": upcoming and _change(upcoming),
        "catalog": subscription.terms_version_id,
    }


def _price(subscription: Subscription) -> dict[str, object] | None:
    if subscription.price_micros is None or subscription.renewal_micros is None:
        return None
    return {
        "first": money(subscription.price_micros, subscription.currency),
        "renewal": money(subscription.renewal_micros, subscription.currency),
    }


def _change(upcoming: NextChange) -> dict[str, object]:
    return {"at": written_instant(upcoming.at), "kind": upcoming.kind, "plan": upcoming.plan}


def written_instant(at: datetime | None) -> str | None:
    """Return an instant as every answer writes it."""
    field = serializers.DateTimeField()
    written: str | None = None if at is None else field.to_representation(at)
    return written
