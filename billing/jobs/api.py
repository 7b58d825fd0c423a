"""Quotes and jobs over REST: parse, one call, answer."""

from typing import Any, ClassVar

from django.conf import settings
from django.core import signing
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views import View
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of, caller_of
from billing.accounts.scopes import Scope
from billing.gpu.errors import NoBackend
from billing.http import idempotency, pagination, problems
from billing.jobs import selectors, services, shapes
from billing.jobs.errors import (
    ConcurrencyLimit,
    IllegalMove,
    InvalidParent,
    NotEntitled,
    PriceAboveMaximum,
    QuoteExpired,
)
from billing.jobs.models import Output
from billing.ledger.errors import InsufficientCredits
from billing.ledger.services import Actor
from plans.errors import InvalidSpec, Unpriced


class JobPage(serializers.Serializer[Any]):
    """A page of jobs."""

    data = shapes.JobOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class QuoteList(APIView):
    """Prices before ordering."""

    authz: ClassVar = {"POST": "job.read"}
    refusals: ClassVar = {"POST": [InvalidSpec, Unpriced]}

    @extend_schema(
        request=shapes.SpecIn, responses={200: shapes.QuoteOut}, operation_id="create_quote"
    )
    def post(self, request: Request) -> Response:
        """Tell what an order costs and everything that stands in its way; holds nothing."""
        account = account_of(request, Scope.JOBS_READ)
        order = shapes.read_order(shapes.SpecIn, request.data)
        told = services.quote(account=account, order=order, now=timezone.now())
        return Response(shapes.quote_body(told))


class JobList(APIView):
    """An account's jobs."""

    authz: ClassVar = {"GET": "job.read", "POST": "job.submit"}
    paged = True
    idempotency: ClassVar = {"POST": "required"}
    refusals: ClassVar = {
        "POST": [
            *(InvalidSpec, Unpriced, InvalidParent, PriceAboveMaximum, QuoteExpired),
            *(NotEntitled, ConcurrencyLimit, InsufficientCredits, NoBackend),
        ]
    }

    @extend_schema(responses=JobPage, operation_id="list_jobs")
    def get(self, request: Request) -> Response:
        """List the account's jobs, the newest first."""
        account = account_of(request, Scope.JOBS_READ)
        return Response(pagination.page(selectors.jobs(account), request, shapes.JobOut))

    @extend_schema(request=shapes.JobIn, responses={201: shapes.JobOut}, operation_id="submit_job")
    def post(self, request: Request) -> HttpResponse:
        """Order a video: its price is held in the same transaction.

        Repeat safely with the same `Idempotency-Key`.
        """
        key = idempotency.read_key(request, required=True)
        now = timezone.now()

        def work() -> tuple[int, object]:
            account = account_of(request, Scope.JOBS_WRITE)
            order = shapes.read_order(shapes.JobIn, request.data)
            actor = actor_of(request)
            job = services.submit(account=account, order=order, actor=actor, now=now)
            return 201, shapes.JobOut(job, context={"request": request}).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class JobDetail(APIView):
    """One job."""

    authz: ClassVar = {"GET": "job.read"}

    @extend_schema(responses=shapes.JobOut, operation_id="read_job")
    def get(self, request: Request, job_id: str) -> Response:
        """Read a job: where it stands, what it cost, where its video is."""
        job = selectors.job(account_of(request, Scope.JOBS_READ), job_id)
        return Response(shapes.JobOut(job, context={"request": request}).data)


class JobCancel(APIView):
    """The wish to end a job."""

    authz: ClassVar = {"POST": "job.cancel"}
    idempotency: ClassVar = {"POST": "optional"}
    refusals: ClassVar = {"POST": [IllegalMove]}

    @extend_schema(request=None, responses={202: shapes.JobOut}, operation_id="cancel_job")
    def post(self, request: Request, job_id: str) -> HttpResponse:
        """Cancel a job: at once while it waits, by the backend's word when it has it."""
        key = idempotency.read_key(request, required=False)
        now = timezone.now()

        def work() -> tuple[int, object]:
            job = selectors.job(account_of(request, Scope.JOBS_WRITE), job_id)
            canceled = services.cancel(job=job, actor=actor_of(request), now=now)
            return 202, shapes.JobOut(canceled, context={"request": request}).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class OutputFile(View):
    """A finished file, by an address that is its own permission and ends by itself."""

    def get(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Send the file."""
        try:
            output_id = signing.loads(
                token, salt=shapes.OUTPUT_SALT, max_age=settings.OUTPUT_URL_SECONDS
            )
        except signing.BadSignature:
            return problems.not_found(request, problems.absent())
        output = Output.objects.filter(pk=output_id).first()
        if output is None or not default_storage.exists(output.path):
            return problems.not_found(request, problems.absent())
        return FileResponse(
            default_storage.open(output.path),
            content_type=output.mime,
            filename=f"{output.job_id}.mp4",
            headers={"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"},
        )


def actor_of(request: Request) -> Actor:
    """Return who moves credits by this request."""
    caller = caller_of(request)
    return Actor(caller.kind, caller.actor_id)
