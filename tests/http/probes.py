"""Small edges, made as real ones are, that show what `billing.http` does for every edge."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import psycopg
from django.db import InternalError, OperationalError
from django.http import Http404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import services
from billing.accounts.api import AccountDetail, AccountOut
from billing.accounts.authentication import account_of, own_account_of
from billing.accounts.models import Account
from billing.errors import DomainError, ErrorKind
from billing.http import errors, health, idempotency, pagination
from billing.http.deprecation import Deprecated
from billing.http.parsing import StrictIn

handler400 = "billing.http.handlers.bad_request"
handler403 = "billing.http.handlers.forbidden"
handler404 = "billing.http.handlers.not_found"
handler500 = "billing.http.handlers.broken"


class ProbeRefusal(DomainError):
    """A refusal of each kind, with a fact."""

    code: ClassVar[str] = "probe_payment"
    kind: ClassVar[ErrorKind] = ErrorKind.PAYMENT_REQUIRED


class ProbeConflict(DomainError):
    """A refusal that is not kept."""

    code: ClassVar[str] = "probe_conflict"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT


class ProbeLimit(DomainError):
    """A refusal that says when to come again."""

    code: ClassVar[str] = "probe_limit"
    kind: ClassVar[ErrorKind] = ErrorKind.LIMITED


class InnerIn(StrictIn):
    """A shape inside a shape."""

    prompt = serializers.CharField(max_length=20)


class OrderIn(StrictIn):
    """What is asked for: an account of that name, and how it shall end."""

    name = serializers.CharField(max_length=64)
    end = serializers.CharField(default="well")
    inputs = InnerIn(required=False)
    tags = serializers.ListField(child=serializers.IntegerField(max_value=9), required=False)
    is_loud = serializers.BooleanField(required=False)
    anything = serializers.JSONField(required=False)


class OrderOut(serializers.Serializer[Any]):
    """What was made."""

    made = serializers.CharField()


def _told(by: psycopg.Error) -> InternalError:
    """Return what Django makes of such an error of the driver's."""
    told = InternalError(str(by))
    told.__cause__ = by
    return told


def refuse(end: str) -> None:
    """Raise what the order asks for."""
    refusals: dict[str, Exception] = {
        "payment": ProbeRefusal(
            _("This costs %(need)d; there are %(have)d.") % {"need": 3, "have": 1}, need=3, have=1
        ),
        "forbidden": errors.Forbidden("Not for you."),
        "absent": Http404("secret words"),
        "invalid": errors.IdempotencyMismatch("Stands for any 422."),
        "conflict": ProbeConflict("Read it again."),
        "limit": ProbeLimit("Wait.", retry_after_seconds=7),
        "unavailable": errors.Unavailable("Away."),
        "database": OperationalError("canceling statement due to lock timeout"),
        "standby": _told(psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT")),
        "too_long": _told(psycopg.errors.IdleInTransactionSessionTimeout("terminating")),
        "broken": _told(psycopg.errors.DataCorrupted("invalid page")),
        "defect": RuntimeError("a defect with sk_live_0123456789ab_secret in it"),
    }
    if end in refusals:
        raise refusals[end]


class Orders(APIView):
    """Makes an account as its effect, once a key."""

    authz: ClassVar = {"GET": "job.read", "POST": "job.submit"}
    paged = True
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {"POST": [ProbeRefusal, ProbeLimit, ProbeConflict]}

    @extend_schema(request=OrderIn, responses={201: OrderOut}, operation_id="order")
    def post(self, request: Request, part: str = "") -> Any:  # noqa: ANN401 (plain HTTP or DRF)
        """Order."""
        key = idempotency.read_key(request, required=True)
        order: OrderIn = OrderIn(data=request.data)
        order.is_valid(raise_exception=True)
        now = timezone.now()

        def work() -> tuple[int, object]:
            account_of(request, "jobs:write")
            made = services.ensure_account(
                f"effect-{order.validated_data['name']}", zone="UTC", now=now
            )
            refuse(order.validated_data["end"])
            return 201, {"made": made.pk, "at": now.isoformat(), "text": "灵感"}

        return idempotency.respond(idempotency.answer_once(key, work, now=now))

    @extend_schema(responses=AccountOut(many=True), operation_id="orders")
    def get(self, request: Request, part: str = "") -> Response:
        """List what was made."""
        account_of(request, "jobs:read")
        made = Account.objects.filter(external_id__startswith="effect-")
        return Response(pagination.page(made, request, AccountOut))


class Optional(APIView):
    """Takes a key, and needs none."""

    authz: ClassVar = {"POST": "daily.claim"}
    idempotency: ClassVar = {"POST": "optional"}
    deprecated: ClassVar = {
        "POST": Deprecated(
            since=datetime(2026, 3, 1, tzinfo=UTC),
            until=datetime(2027, 3, 1, tzinfo=UTC),
            instead="`POST /v1/orders`",
        )
    }
    limit: ClassVar = {"POST": "money"}

    @extend_schema(request=None, responses=OrderOut, operation_id="claim")
    def post(self, request: Request) -> Any:  # noqa: ANN401 (plain HTTP or DRF)
        """Claim."""
        account = own_account_of(request)
        key = idempotency.read_key(request, required=False)
        now = timezone.now()
        return idempotency.respond(
            idempotency.answer_once(key, lambda: (200, {"made": account.pk}), now=now)
        )


class Whoami(APIView):
    """Says for which account a request is."""

    authz: ClassVar = {"GET": "balance.read"}

    @extend_schema(
        parameters=[OpenApiParameter("end", str)], responses=AccountOut, operation_id="whoami"
    )
    def get(self, request: Request) -> Response:
        """Read the account, or fail as asked."""
        account = account_of(request, "balance:read")
        refuse(request.query_params.get("end", ""))
        return Response(AccountOut(account).data)


urlpatterns = [
    path("healthz", health.Healthz.as_view()),
    path("readyz", health.Readyz.as_view()),
    path("v1/orders", Orders.as_view()),
    path("v1/orders/<str:part>/again", Orders.as_view()),
    path("v1/claim", Optional.as_view()),
    path("v1/whoami", Whoami.as_view()),
    path("v1/accounts/<path:external_id>", AccountDetail.as_view()),
]
