"""An account as the platform's own server sees it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import selectors, services
from billing.accounts.admission import REMEDIES, Reason
from billing.accounts.authentication import Caller, caller_of, first_seen
from billing.accounts.errors import FreeTierRefused, InvalidAccount
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.accounts.signals import Signal
from billing.http import errors, problems
from billing.http.parsing import StrictIn
from plans import periods
from plans import selectors as catalogs
from plans.catalog.offers import Plan
from plans.catalog.schema import Catalog
from plans.errors import NoCatalog


class AccountIn(StrictIn):
    """What a platform may change of an account; what is left out stays."""

    metadata = serializers.DictField(
        child=serializers.CharField(allow_blank=True), required=False, help_text="Your own notes."
    )
    zone = serializers.CharField(
        max_length=64,
        required=False,
        help_text="IANA name. Its days and months count from the end of each one under way.",
    )
    region = serializers.RegexField(
        r"^([a-z0-9][a-z0-9._-]{0,63})?$",
        required=False,
        allow_blank=True,
        help_text="A region of the catalog's price books; empty: as the first book.",
    )
    currency = serializers.RegexField(
        r"^([A-Z]{3})?$",
        required=False,
        allow_blank=True,
        help_text="In which it buys; empty: as its price book.",
    )

    def validate_zone(self, zone: str) -> str:
        """Return the zone.

        Raises:
            ValidationError: there is none of that name.
        """
        if not periods.is_zone(zone):
            raise serializers.ValidationError(
                _('Write a time zone by its IANA name, such as "Asia/Shanghai".'), code="unknown"
            )
        return zone

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the changes; there must be one.

        Raises:
            ValidationError: there is none.
        """
        if not attrs:
            raise serializers.ValidationError(_("Say what shall change."), code="required")
        return attrs


class AccountOut(serializers.ModelSerializer[Account]):
    """An account, without its balance."""

    class Meta:
        model = Account
        fields = [
            *("id", "external_id", "kind", "zone", "region", "currency", "is_sandbox"),
            *("metadata", "created_at"),
        ]


class ZonedAccountOut(AccountOut):
    """An account, and what its zone decides."""

    zone_applies_to = serializers.SerializerMethodField(
        help_text="Codes of the allowances of its plan whose days follow the account's zone; the "
        "others name a zone of their own. Empty: another zone moves no credits."
    )

    class Meta(AccountOut.Meta):
        fields = [*AccountOut.Meta.fields, "zone_applies_to"]

    def get_zone_applies_to(self, account: Account) -> list[str]:
        """Return the codes; an organization has no free allowances."""
        plan: Plan | None = self.context["plan"]
        if plan is None or (plan.free and not account.is_person):
            return []
        return [one.code for one in plan.allowances if one.moves_with_account]


class FreeTierOut(serializers.Serializer[Any]):
    """Whether the account has the free plan's allowances, where the catalog asks who may."""

    admitted = serializers.BooleanField()
    reason = serializers.ChoiceField(choices=[one.value for one in Reason], allow_null=True)
    detail = serializers.CharField(allow_null=True)
    remedy = serializers.ChoiceField(choices=sorted(set(REMEDIES.values())), allow_null=True)
    retry_at = serializers.DateTimeField(allow_null=True)
    missing = serializers.ListField(
        child=serializers.ChoiceField(choices=[one.value for one in Signal]),
        required=False,
        help_text="Of signals_missing, to a service key alone: the kinds still needed.",
    )


class AccountDetail(APIView):
    """One account, by the platform's own name for it; service keys only."""

    acts_for_account: ClassVar = False
    authz: ClassVar = {"GET": "account.read", "PATCH": "account.change"}
    limit: ClassVar = {"PATCH": "sign_up"}
    refusals: ClassVar = {"GET": [NoCatalog], "PATCH": [InvalidAccount, NoCatalog]}
    # An account's zone moves windows of credits, which are not this package's to know;
    # `billing.urls` says who does.
    change: Callable[..., Account] = staticmethod(services.change_account)
    # Nor which plan an account is on.
    plan_of: Callable[..., Plan | None] = staticmethod(lambda _account, **_catalog: None)

    @extend_schema(responses=ZonedAccountOut, operation_id="read_account")
    def get(self, request: Request, external_id: str) -> Response:
        """Read an account."""
        return self._told(visible_account(request, external_id))

    @extend_schema(request=AccountIn, responses=ZonedAccountOut, operation_id="change_account")
    def patch(self, request: Request, external_id: str) -> Response:
        """Replace the platform's notes on an account, or say where it is and in what it buys.

        Another `zone` never gives two days' credits in 20 hours, and none is missed: what is
        under way ends as it would, and the next day begins then and lasts until one begins in
        the new zone, 20 to 44 hours later. Weeks and months keep their dates on the new clocks;
        those drawn from the instant of a purchase stay. Allowances with a zone of their own
        keep it: `zone_applies_to` names the others, and where it is empty nothing moves. Of two
        changes within one window the last counts.
        """
        account = visible_account(request, external_id)
        changed: AccountIn = AccountIn(data=request.data)
        changed.is_valid(raise_exception=True)
        facts: dict[str, Any] = changed.validated_data
        catalog = catalogs.current().catalog
        account = self.change(account, catalog=catalog, **facts)
        return self._told(account)

    def _told(self, account: Account) -> Response:
        plan = self.plan_of(account, catalog=catalogs.current().catalog)
        return Response(ZonedAccountOut(account, context={"plan": plan}).data)


def free_tier_body(refusal: FreeTierRefused | None, catalog: Catalog) -> dict[str, Any] | None:
    """Return how an account stands with the free tier; None: the catalog has no rule for it."""
    if catalog.free_tier is None:
        return None
    facts = dict.fromkeys(("reason", "remedy", "retry_at")) if refusal is None else refusal.facts
    detail = None if refusal is None else refusal.message
    return {"admitted": refusal is None, "detail": detail, **facts}


def visible_account(request: Request, external_id: str) -> Account:
    """Return the account if the calling service may see it; a foreign one is absent.

    Raises:
        Forbidden: no service calls, or its key has not `accounts:write`.
        NotFound: there is no such account on the key's side of the sandbox.
    """
    caller = _service_of(request)
    account = selectors.find_account(external_id, is_sandbox=caller.is_sandbox)
    if account is None:
        raise problems.absent()
    return account


def account_named(request: Request, external_id: str, *, now: datetime) -> Account:
    """Return the account of that name on the calling service's side, made if nobody knew it.

    Raises:
        Forbidden: as `visible_account`.
        InvalidAccount: it cannot be a name.
    """
    caller = _service_of(request)
    return first_seen(external_id, is_sandbox=caller.is_sandbox, now=now)


def _service_of(request: Request) -> Caller:
    caller = caller_of(request)
    if caller.kind != "service":
        raise errors.Forbidden(_("Only a service key may do this."))
    caller.require(Scope.ACCOUNTS_WRITE)
    return caller
