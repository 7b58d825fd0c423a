"""Automatic top-ups over REST: what an account wants, how it stands, and what is in flight."""

from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.models import Account
from billing.http.parsing import StrictIn
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.shapes import CreditsField
from billing.packs.api import PaidIn
from billing.packs.errors import NoPrice, NotIncluded, NotOnSale, QuantityOutOfRange, UnknownPack
from billing.payments.api.buyers import buyer_of, language_of
from billing.payments.errors import PaymentsAway, PaymentsNotConfigured, PaymentsRefused
from billing.topups import selectors, services
from billing.topups.errors import CardNeeded, WrongLimit
from billing.topups.models import AutoTopUp, TopUp
from billing.topups.services import Wish
from plans import selectors as plans
from plans.catalog.values import WHOLE_MAX
from plans.errors import NoCatalog
from plans.shapes import MoneyOut, money

_NEEDED = ("threshold", "pack", "monthly_limit")


class AutoTopUpIn(StrictIn):
    """What shall be bought when credits run low; switched off, the rest may be left out."""

    on = serializers.BooleanField()
    threshold = CreditsField(required=False, help_text="Bought when fewer credits are free.")
    pack = serializers.CharField(max_length=64, required=False)
    quantity = serializers.IntegerField(min_value=1, max_value=WHOLE_MAX, default=1)
    monthly_limit = PaidIn(
        required=False, help_text="For a calendar month of the account's zone, in its currency."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the wish; one that is on is whole.

        Raises:
            ValidationError: something is missing.
        """
        if attrs["on"]:
            missing = {name: _("This is needed.") for name in _NEEDED if name not in attrs}
            if missing:
                raise serializers.ValidationError(missing, code="required")
            if not attrs["threshold"]:
                raise serializers.ValidationError({"threshold": _("Write more than 0.")})
        return attrs


class TopUpOut(serializers.Serializer[Any]):
    """One top-up that may still be paid, or the last one."""

    id = serializers.CharField()
    status = serializers.ChoiceField(TopUp.State.choices)
    pack = serializers.CharField()
    quantity = serializers.IntegerField()
    price = MoneyOut()
    decline = serializers.CharField(allow_null=True, help_text="The bank's word for why not.")
    pay_url = serializers.CharField(
        allow_null=True, help_text="Where its buyer confirms it, if his bank wants to see him."
    )
    pay_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class AutoTopUpOut(serializers.Serializer[Any]):
    """What an account wants, and how it stands."""

    on = serializers.BooleanField()
    threshold = serializers.CharField(allow_null=True)
    pack = serializers.CharField(allow_null=True)
    quantity = serializers.IntegerField(allow_null=True)
    monthly_limit = MoneyOut(allow_null=True)
    spent_this_month = MoneyOut(allow_null=True, help_text="What is in flight counts, too.")
    month_ends_at = serializers.DateTimeField(allow_null=True)
    waits_until = serializers.DateTimeField(allow_null=True, help_text="Nothing before then.")
    waits_for = serializers.ChoiceField(["declined", "monthly_limit"], allow_null=True)
    stopped = serializers.ChoiceField(
        AutoTopUp.Stop.choices,
        allow_null=True,
        help_text="Why it was switched off for the account; it may switch it on again.",
    )
    pending = TopUpOut(allow_null=True)
    last = TopUpOut(allow_null=True, help_text="The newest that has ended.")


class AutoTopUpView(APIView):
    """What is bought by itself."""

    authz: ClassVar = {"GET": "auto_top_up.read", "PUT": "auto_top_up.set"}
    limit: ClassVar = {"PUT": "money"}
    refusals: ClassVar = {
        "GET": [NoCatalog],
        "PUT": [
            *(CardNeeded, NoCatalog, NoPrice, NotIncluded, NotOnSale, PaymentsAway),
            *(PaymentsNotConfigured, PaymentsRefused, QuantityOutOfRange, UnknownPack, WrongLimit),
        ],
    }

    @extend_schema(responses=AutoTopUpOut, operation_id="read_auto_top_up")
    def get(self, request: Request) -> Response:
        """Read what is bought when credits run low, what is in flight, and what it waits for."""
        return Response(_shown(buyer_of(request)))

    @extend_schema(request=AutoTopUpIn, responses=AutoTopUpOut, operation_id="set_auto_top_up")
    def put(self, request: Request) -> Response:
        """Have a pack bought whenever fewer credits than the threshold are free; or no more.

        It needs a saved card: one that was used for a plan, or saved on the page that
        `POST /v1/portal-sessions` opens. In a calendar month never more than the limit is spent.
        """
        account = buyer_of(request)
        asked: AutoTopUpIn = AutoTopUpIn(data=request.data)
        asked.is_valid(raise_exception=True)
        services.configure(
            account=account,
            wish=_wish(asked.validated_data),
            language=language_of(request),
            now=timezone.now(),
        )
        return Response(_shown(account))


def _wish(said: dict[str, Any]) -> Wish | None:
    if not said["on"]:
        return None
    limit = said["monthly_limit"]
    return Wish(
        threshold_micros=said["threshold"],
        pack=said["pack"],
        quantity=said["quantity"],
        limit_micros=limit["amount"],
        currency=limit["currency"],
    )


def _shown(account: Account) -> dict[str, Any]:
    settings = AutoTopUp.objects.filter(pk=account.pk).first()
    if settings is None:
        return {**dict.fromkeys(AutoTopUpOut().fields), "on": False}
    wallet = ledger.open_wallet(account, catalog=plans.current().catalog)
    at = ledger_selectors.instant(wallet)
    month = selectors.month_of(account, at=at)
    waits_until = settings.retry_at if settings.retry_at and settings.retry_at > at else None
    waits_for = "declined" if settings.failures else "monthly_limit"
    shown = {
        "on": settings.is_on,
        "threshold": CreditsField().to_representation(settings.threshold_micros),
        "pack": settings.pack,
        "quantity": settings.quantity,
        "monthly_limit": money(settings.limit_micros, settings.currency),
        "spent_this_month": money(month.spent_micros, settings.currency),
        "month_ends_at": month.ends_at,
        "waits_until": waits_until,
        "waits_for": waits_for if waits_until else None,
        "stopped": settings.stopped or None,
        "pending": _top_up(selectors.in_flight(account)),
        "last": _top_up(selectors.last_ended(account)),
    }
    return dict(AutoTopUpOut(shown).data)


def _top_up(one: TopUp | None) -> dict[str, Any] | None:
    if one is None:
        return None
    pay_until: datetime | None = one.page_expires_at if one.is_in_flight else None
    return {
        "id": one.pk,
        "status": one.state,
        "pack": one.pack,
        "quantity": one.quantity,
        "price": money(one.price_micros, one.currency),
        "decline": one.decline or None,
        "pay_url": (one.page_url or None) if one.is_in_flight else None,
        "pay_until": pay_until,
        "created_at": one.created_at,
        "ended_at": one.ended_at,
    }
