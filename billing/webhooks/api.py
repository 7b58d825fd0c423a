"""Webhook endpoints over REST: a user's own, or those of the platform's server."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of, caller_of
from billing.accounts.scopes import Scope
from billing.egress.addresses import URL_LENGTH_MAX
from billing.http import idempotency, pagination
from billing.http.parsing import StrictIn
from billing.webhooks import selectors, services, signing
from billing.webhooks.errors import EndpointDisabled, TooManyEndpoints, UrlRefused
from billing.webhooks.event_types import EventType
from billing.webhooks.models import Delivery, Endpoint
from billing.webhooks.selectors import Owner


class EndpointIn(StrictIn):
    """Where to send what."""

    url = serializers.CharField(max_length=URL_LENGTH_MAX, trim_whitespace=False)
    events = serializers.ListField(
        child=serializers.ChoiceField([kind.value for kind in EventType]),
        max_length=len(EventType),
        default=list,
        help_text="Types to be told of; empty or left out: all.",
    )


class EndpointOut(serializers.ModelSerializer[Endpoint]):
    """An endpoint, without its secret."""

    status = serializers.SerializerMethodField()

    class Meta:
        model = Endpoint
        fields = ["id", "url", "events", "status", "disabled_reason", "disabled_at", "created_at"]

    def get_status(self, endpoint: Endpoint) -> str:
        """Return whether anything is sent to it."""
        return "enabled" if endpoint.disabled_at is None else "disabled"


class NewEndpointOut(EndpointOut):
    """An endpoint and the secret that its messages are signed with, told this once."""

    secret = serializers.CharField(source="secret_sealed")

    class Meta:
        model = Endpoint
        fields = [*EndpointOut.Meta.fields, "secret"]


class EndpointPage(serializers.Serializer[Any]):
    """A page of endpoints."""

    data = EndpointOut(many=True)  # type: ignore[assignment]  # the contract's name; also a property of DRF's
    next = serializers.CharField(allow_null=True)


class DeliveryOut(serializers.ModelSerializer[Delivery]):
    """One event on its way to one endpoint."""

    event = serializers.CharField(source="event_id")
    type = serializers.CharField(source="event.type")
    sequence = serializers.IntegerField(source="event.sequence", allow_null=True)
    status = serializers.ChoiceField(["pending", "delivered", "dead"])
    next_attempt_at = serializers.DateTimeField(source="next_at", allow_null=True)

    class Meta:
        model = Delivery
        fields = [
            *("id", "event", "type", "sequence", "status", "attempts", "next_attempt_at"),
            *("last_status", "last_trouble", "last_excerpt", "delivered_at", "dead_at"),
            "created_at",
        ]


class DeliveryPage(serializers.Serializer[Any]):
    """A page of deliveries."""

    data = DeliveryOut(many=True)  # type: ignore[assignment]  # as in EndpointPage
    next = serializers.CharField(allow_null=True)


class EndpointList(APIView):
    """The endpoints of an account; without `X-Account`, those that hear of every account."""

    authz: ClassVar = {"GET": "webhook.read", "POST": "webhook.manage"}
    paged = True
    idempotency: ClassVar = {"POST": "optional"}
    refusals: ClassVar = {"POST": [UrlRefused, TooManyEndpoints]}

    @extend_schema(responses=EndpointPage, operation_id="list_webhook_endpoints")
    def get(self, request: Request) -> Response:
        """List the endpoints, the newest first."""
        found = selectors.endpoints(owner_of(request))
        return Response(pagination.page(found, request, EndpointOut))

    @extend_schema(
        request=EndpointIn, responses={201: NewEndpointOut}, operation_id="create_webhook_endpoint"
    )
    def post(self, request: Request) -> HttpResponse:
        """Make an endpoint. Its secret is in this answer and nowhere else."""
        key = idempotency.read_key(request, required=False)
        now = timezone.now()

        def work() -> tuple[int, object]:
            owner = owner_of(request)
            wanted: EndpointIn = EndpointIn(data=request.data)
            wanted.is_valid(raise_exception=True)
            endpoint = services.create_endpoint(
                account=owner.account,
                is_sandbox=owner.is_sandbox,
                url=wanted.validated_data["url"],
                events=wanted.validated_data["events"],
                now=now,
            )
            return HTTPStatus.CREATED, NewEndpointOut(endpoint).data

        return _told_once(idempotency.answer_once(key, work, now=now))


class EndpointDetail(APIView):
    """One endpoint."""

    authz: ClassVar = {"GET": "webhook.read", "DELETE": "webhook.manage"}

    @extend_schema(responses=EndpointOut, operation_id="read_webhook_endpoint")
    def get(self, request: Request, endpoint_id: str) -> Response:
        """Read an endpoint."""
        return Response(EndpointOut(selectors.endpoint(owner_of(request), endpoint_id)).data)

    @extend_schema(responses={204: None}, operation_id="delete_webhook_endpoint")
    def delete(self, request: Request, endpoint_id: str) -> Response:
        """Send nothing to it any more; what was on its way is dropped."""
        endpoint = selectors.endpoint(owner_of(request), endpoint_id)
        services.delete_endpoint(endpoint, now=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT)


class EndpointTest(APIView):
    """A test event for one endpoint."""

    authz: ClassVar = {"POST": "webhook.manage"}
    idempotency: ClassVar = {"POST": "optional"}
    refusals: ClassVar = {"POST": [EndpointDisabled]}

    @extend_schema(request=None, responses={202: DeliveryOut}, operation_id="test_webhook_endpoint")
    def post(self, request: Request, endpoint_id: str) -> HttpResponse:
        """Send a `webhook.test` event; its delivery tells how it went."""
        key = idempotency.read_key(request, required=False)
        now = timezone.now()

        def work() -> tuple[int, object]:
            endpoint = selectors.endpoint(owner_of(request), endpoint_id)
            return HTTPStatus.ACCEPTED, DeliveryOut(services.send_test(endpoint, now=now)).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class EndpointSecret(APIView):
    """The secret that an endpoint's messages are signed with."""

    authz: ClassVar = {"POST": "webhook.manage"}
    idempotency: ClassVar = {"POST": "optional"}
    refusals: ClassVar = {"POST": [EndpointDisabled]}

    @extend_schema(
        request=None, responses={200: NewEndpointOut}, operation_id="rotate_webhook_secret"
    )
    def post(self, request: Request, endpoint_id: str) -> HttpResponse:
        """Sign with a new secret from now on, and for a day with the old one too.

        The new secret is in this answer and nowhere else.
        """
        key = idempotency.read_key(request, required=False)
        now = timezone.now()

        def work() -> tuple[int, object]:
            endpoint = selectors.endpoint(owner_of(request), endpoint_id)
            return HTTPStatus.OK, NewEndpointOut(services.rotate_secret(endpoint, now=now)).data

        return _told_once(idempotency.answer_once(key, work, now=now))


class DeliveryList(APIView):
    """What was sent to an endpoint."""

    authz: ClassVar = {"GET": "webhook.read"}
    paged = True

    @extend_schema(responses=DeliveryPage, operation_id="list_webhook_deliveries")
    def get(self, request: Request, endpoint_id: str) -> Response:
        """List the deliveries of an endpoint, the newest first."""
        endpoint = selectors.endpoint(owner_of(request), endpoint_id)
        return Response(pagination.page(selectors.deliveries(endpoint), request, DeliveryOut))


def _told_once(answer: idempotency.Answer) -> HttpResponse:
    """Return an answer with the secret that is sealed in it opened; a refusal has none."""
    if answer.status < HTTPStatus.BAD_REQUEST:
        answer = replace(answer, body=signing.reveal(answer.body))
    return idempotency.respond(answer)


def owner_of(request: Request) -> Owner:
    """Return whose endpoints the request is about: a user's own, or those a service means.

    A service that names no account means the endpoints which hear of every account.

    Raises:
        Forbidden: the caller may not manage webhooks.
        NotFound: the service names an account that does not exist for it.
    """
    caller = caller_of(request)
    if caller.kind == "service" and not caller.acts_for:
        caller.require(Scope.WEBHOOKS_WRITE)
        return Owner(account=None, is_sandbox=caller.is_sandbox)
    account = account_of(request, Scope.WEBHOOKS_WRITE)
    return Owner(account=account, is_sandbox=account.is_sandbox)
