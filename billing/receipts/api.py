"""Receipts over REST: an entry's own, and the keys that anyone checks them with."""

import hashlib
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of
from billing.accounts.scopes import Scope
from billing.receipts import selectors, services
from billing.receipts.form import ALGORITHM, TYPE
from billing.receipts.models import ReceiptKey

_FRESH_SECONDS = 60


class ReceiptOut(serializers.Serializer[Any]):
    """An entry of the ledger, signed; docs/receipts.md says how anyone can check it."""

    type = serializers.ChoiceField(choices=[TYPE])
    alg = serializers.ChoiceField(choices=[ALGORITHM])
    kid = serializers.CharField(help_text="The key that signed it, of `GET /v1/receipt-keys`.")
    issued_at = serializers.CharField()
    realm = serializers.ChoiceField(choices=["live", "sandbox"])
    account = serializers.CharField()
    entry = serializers.CharField()
    wallet = serializers.CharField()
    previous_digest = serializers.CharField(help_text="Of the entry before it, in hexadecimal.")
    digest = serializers.CharField(help_text="SHA-256 of the previous digest and the facts.")
    facts = serializers.CharField(help_text="The entry as it is chained: the text of a JSON list.")
    signature = serializers.CharField(help_text="Base64, over all other members.")


class ReceiptKeyOut(serializers.ModelSerializer[ReceiptKey]):
    """A public key, and when it counts."""

    kid = serializers.CharField(source="pk")
    alg = serializers.SerializerMethodField()
    public_key = serializers.SerializerMethodField()

    class Meta:
        model = ReceiptKey
        fields = ["kid", "alg", "public_key", "not_before", "not_after", "revoked_at"]

    def get_alg(self, _key: ReceiptKey) -> str:
        """Return what it signs by."""
        return ALGORITHM

    def get_public_key(self, key: ReceiptKey) -> str:
        """Return it as PEM."""
        return selectors.pem_of(key)


class ReceiptKeysOut(serializers.Serializer[Any]):
    """Every key that ever signed a receipt."""

    data = ReceiptKeyOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True, help_text="Always null: the list is whole.")


class ReceiptDetail(APIView):
    """The receipt of an entry."""

    authz: ClassVar = {"GET": "entries.read"}

    @extend_schema(responses=ReceiptOut, operation_id="read_receipt")
    def get(self, request: Request, entry_id: str) -> Response:
        """Read the signed receipt of one entry of the account's ledger.

        The same entry gives the same receipt for as long as the same key signs.
        """
        account = account_of(request, Scope.BALANCE_READ)
        return Response(services.issue(account=account, entry_id=entry_id, now=timezone.now()))


class ReceiptKeyList(APIView):
    """The keys of receipts; public and cacheable."""

    authentication_classes = []
    permission_classes = [AllowAny]
    authz: ClassVar = {"GET": "receipt_key.read"}

    @extend_schema(responses={200: ReceiptKeysOut, 304: None}, operation_id="read_receipt_keys")
    def get(self, request: Request) -> HttpResponse:
        """Read every public key that ever signed a receipt. Repeat cheaply with `If-None-Match`."""
        services.present_key(now=timezone.now())
        shown = {"data": ReceiptKeyOut(selectors.all_keys(), many=True).data, "next": None}
        body = JSONRenderer().render(shown)
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        answer = HttpResponse(body, content_type="application/json", headers={"ETag": etag})
        patch_cache_control(answer, public=True, max_age=_FRESH_SECONDS)
        return get_conditional_response(request, etag=etag, response=answer) or answer
