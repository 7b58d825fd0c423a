"""The portal over REST: where Stripe shows an account its cards, bills and subscription."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from billing.http import idempotency
from billing.http.parsing import StrictIn
from billing.payments import services
from billing.payments.api.buyers import buyer_of, language_of
from billing.payments.errors import (
    PaymentsAway,
    PaymentsNotConfigured,
    PaymentsRefused,
    UnsafeAddress,
)

_ADDRESS_LENGTH_MAX = 2000


class PortalIn(StrictIn):
    """Where its visitor is led afterwards."""

    return_url = serializers.CharField(max_length=_ADDRESS_LENGTH_MAX, help_text="By https.")


class PortalOut(serializers.Serializer[Any]):
    """A page that is good for a few minutes."""

    url = serializers.URLField()


class PortalList(APIView):
    """Visits to the portal."""

    authz: ClassVar = {"POST": "checkout.create"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {
        "POST": [PaymentsNotConfigured, PaymentsAway, PaymentsRefused, UnsafeAddress]
    }

    @extend_schema(
        request=PortalIn, responses={201: PortalOut}, operation_id="create_portal_session"
    )
    def post(self, request: Request) -> HttpResponse:
        """Open the portal, where the account's cards, bills and subscription are kept."""
        key = idempotency.read_key(request, required=False)
        given: PortalIn = PortalIn(data=request.data)
        language, now = language_of(request), timezone.now()
        opened: list[str] = []

        def intend() -> str:
            account = buyer_of(request)
            given.is_valid(raise_exception=True)
            services.require_portal(account, return_url=given.validated_data["return_url"])
            return account.pk

        def carry_out(_account_id: str) -> None:
            given.is_valid(raise_exception=True)  # a repeat has not been asked what it wants
            opened.append(
                services.open_portal(
                    buyer_of(request),
                    return_url=given.validated_data["return_url"],
                    language=language,
                    now=now,
                )
            )

        answer = idempotency.answer_in_steps(
            key,
            intend=intend,
            carry_out=carry_out,
            tell=lambda _account_id: {"url": opened[0]},
            now=now,
        )
        return idempotency.respond(answer)
