"""Webhook endpoints over REST: a user's own, or those of the platform's server."""

from dataclasses import replace
from http import HTTPStatus
from typing import ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of, caller_of
from billing.accounts.scopes import Scope
from billing.http import idempotency, pagination
from billing.webhooks import selectors, services, signing
from billing.webhooks.errors import (
    EndpointDeleted,
    EndpointDisabled,
    TooManyEndpoints,
    TooMuchToReplay,
    UrlRefused,
)
from billing.webhooks.selectors import Owner
from billing.webhooks.shapes import (
    DeliveryDetailOut,
    DeliveryOut,
    DeliveryPage,
    EndpointChangeIn,
    EndpointIn,
    EndpointOut,
    EndpointPage,
    NewEndpointOut,
    ReplayIn,
    ReplayOut,
)


class EndpointList(APIView):
    """The endpoints of an account; without `X-Account`, those that hear of every account."""

    authz: ClassVar = {"GET": "webhook.read", "POST": "webhook.manage"}
    paged = True
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "writes"}
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

    authz: ClassVar = {"GET": "webhook.read", "PATCH": "webhook.manage", "DELETE": "webhook.manage"}
    limit: ClassVar = {"PATCH": "writes", "DELETE": "writes"}
    idempotency: ClassVar = {"PATCH": "optional"}
    refusals: ClassVar = {"PATCH": [EndpointDeleted, UrlRefused, TooManyEndpoints]}

    @extend_schema(responses=EndpointOut, operation_id="read_webhook_endpoint")
    def get(self, request: Request, endpoint_id: str) -> Response:
        """Read an endpoint."""
        return Response(EndpointOut(selectors.endpoint(owner_of(request), endpoint_id)).data)

    @extend_schema(
        request=EndpointChangeIn, responses=EndpointOut, operation_id="change_webhook_endpoint"
    )
    def patch(self, request: Request, endpoint_id: str) -> HttpResponse:
        """Change its address or what it is told of; switch it off, or on again.

        One that was disabled because its receiver was gone or silent is switched on by this, too.
        """
        key = idempotency.read_key(request, required=False)
        now = timezone.now()

        def work() -> tuple[int, object]:
            endpoint = selectors.endpoint(owner_of(request), endpoint_id)
            wanted: EndpointChangeIn = EndpointChangeIn(data=request.data)
            wanted.is_valid(raise_exception=True)
            changed = services.change_endpoint(
                endpoint,
                url=wanted.validated_data.get("url"),
                events=wanted.validated_data.get("events"),
                is_enabled=wanted.validated_data.get("enabled"),
                now=now,
            )
            return HTTPStatus.OK, EndpointOut(changed).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))

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
    limit: ClassVar = {"POST": "writes"}
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


class EndpointReplay(APIView):
    """What happened in a stretch of time, sent once more."""

    authz: ClassVar = {"POST": "webhook.manage"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {"POST": [EndpointDisabled, TooMuchToReplay]}

    @extend_schema(
        request=ReplayIn, responses={202: ReplayOut}, operation_id="replay_webhook_events"
    )
    def post(self, request: Request, endpoint_id: str) -> HttpResponse:
        """Send the events of a stretch of time once more, each account's in order.

        Also those that it was never sent, because it was switched off or not yet there. Events
        bear the ids that they always had.
        """
        key = idempotency.read_key(request, required=False)
        now = timezone.now()

        def work() -> tuple[int, object]:
            endpoint = selectors.endpoint(owner_of(request), endpoint_id)
            wanted: ReplayIn = ReplayIn(data=request.data)
            wanted.is_valid(raise_exception=True)
            replayed = services.replay(
                endpoint,
                since=wanted.validated_data["from"],
                until=wanted.validated_data["to"],
                types=wanted.validated_data["types"],
                only_dead=wanted.validated_data["only_dead"],
                now=now,
            )
            return HTTPStatus.ACCEPTED, {"replayed": replayed}

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class EndpointSecret(APIView):
    """The secret that an endpoint's messages are signed with."""

    authz: ClassVar = {"POST": "webhook.manage"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "writes"}
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


class DeliveryDetail(APIView):
    """One delivery, with its body and its log."""

    authz: ClassVar = {"GET": "webhook.read"}

    @extend_schema(responses=DeliveryDetailOut, operation_id="read_webhook_delivery")
    def get(self, request: Request, endpoint_id: str, delivery_id: str) -> Response:
        """Read what was sent, and what was answered to each try."""
        endpoint = selectors.endpoint(owner_of(request), endpoint_id)
        return Response(DeliveryDetailOut(selectors.delivery(endpoint, delivery_id)).data)


class DeliveryRetry(APIView):
    """One delivery, sent anew."""

    authz: ClassVar = {"POST": "webhook.manage"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {"POST": [EndpointDisabled]}

    @extend_schema(
        request=None, responses={202: DeliveryOut}, operation_id="retry_webhook_delivery"
    )
    def post(self, request: Request, endpoint_id: str, delivery_id: str) -> HttpResponse:
        """Send it now, whatever became of it before; it has all its attempts again.

        In its account's line it keeps its place, before all later events.
        """
        key = idempotency.read_key(request, required=False)
        now = timezone.now()

        def work() -> tuple[int, object]:
            endpoint = selectors.endpoint(owner_of(request), endpoint_id)
            delivery = selectors.delivery(endpoint, delivery_id)
            return HTTPStatus.ACCEPTED, DeliveryOut(services.retry(delivery, now=now)).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


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
