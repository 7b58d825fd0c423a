"""An account as the platform's own server sees it."""

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import selectors, services
from billing.accounts.authentication import caller_of
from billing.accounts.errors import InvalidAccount
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.http import errors, problems
from billing.http.parsing import StrictIn
from plans import selectors as catalogs


class AccountIn(StrictIn):
    """What a platform may change of an account; what is left out stays."""

    metadata = serializers.DictField(
        child=serializers.CharField(allow_blank=True), required=False, help_text="Your own notes."
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


class AccountDetail(APIView):
    """One account, by the platform's own name for it; service keys only."""

    acts_for_account: ClassVar = False
    authz: ClassVar = {"GET": "account.read", "PATCH": "account.change"}
    refusals: ClassVar = {"PATCH": [InvalidAccount]}

    @extend_schema(responses=AccountOut, operation_id="read_account")
    def get(self, request: Request, external_id: str) -> Response:
        """Read an account."""
        return Response(AccountOut(_visible_account(request, external_id)).data)

    @extend_schema(request=AccountIn, responses=AccountOut, operation_id="change_account")
    def patch(self, request: Request, external_id: str) -> Response:
        """Replace the platform's notes on an account, or say where and in what it buys."""
        account = _visible_account(request, external_id)
        changed: AccountIn = AccountIn(data=request.data)
        changed.is_valid(raise_exception=True)
        facts: dict[str, Any] = changed.validated_data
        catalog = catalogs.current().catalog
        account = services.change_account(account, catalog=catalog, **facts)
        return Response(AccountOut(account).data)


def _visible_account(request: Request, external_id: str) -> Account:
    """Return the account if the calling service may see it; a foreign one is absent."""
    caller = caller_of(request)
    if caller.kind != "service":
        raise errors.Forbidden(_("Only a service key may do this."))
    caller.require(Scope.ACCOUNTS_WRITE)
    account = selectors.find_account(external_id, is_sandbox=caller.is_sandbox)
    if account is None:
        raise problems.absent()
    return account
