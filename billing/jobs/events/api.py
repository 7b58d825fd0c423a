"""Who may listen to a job: asked by Django as for any other address; the stream itself is not its.

A process that streams (`streaming`) has this view judge each listener, and reads the admission
off its answer. A process that does not says where one does.
"""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import ClassVar, Final

from django.conf import settings
from django.core import signing
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from billing.accounts.authentication import caller_of
from billing.accounts.scopes import Scope
from billing.http import errors, problems
from billing.http.negotiation import AnyMedia
from billing.jobs import selectors, shapes
from billing.jobs.api import sight_of
from billing.jobs.errors import TooManyListeners
from billing.jobs.events import wire
from billing.jobs.lifecycle import FINAL
from billing.jobs.models import Job

# Whoever listens is judged anew after so long: he is sent away, and comes again by himself.
STREAM_TIME: Final = timedelta(minutes=15)


class Admitted(HttpResponse):
    """Tells the process that streams whom it may stream to; it is never sent."""

    def __init__(self, job: Job, *, heard: int | None, seconds: float) -> None:
        """Admit somebody.

        Args:
            heard: the version that he knows already; None: he is to be told how the job stands.
            seconds: how long he may stay.
        """
        super().__init__(content_type=wire.CONTENT_TYPE)
        self.job_id, self.account_id, self.version = job.pk, job.account_id, job.version
        self.heard, self.seconds = heard, seconds


class _Elsewhere(HttpResponseRedirect):
    status_code = HTTPStatus.TEMPORARY_REDIRECT


class _KnownOrByAddress(BasePermission):
    """Somebody who says who he is, or who has an address that is its own permission."""

    def has_permission(self, request: Request, _view: APIView) -> bool:
        """Say whether there is anything to be judged by."""
        known = getattr(request.user, "is_authenticated", False)
        return "token" in request.query_params or bool(known)


class JobEvents(APIView):
    """What happens to one job."""

    authz: ClassVar = {"GET": "job.follow"}
    limit: ClassVar = {"GET": "addresses"}
    refusals: ClassVar = {"GET": [TooManyListeners]}
    permission_classes = [_KnownOrByAddress]
    content_negotiation_class = AnyMedia

    @extend_schema(
        operation_id="stream_job_events",
        # By who calls, or by the address alone.
        auth=[{"bearer": []}, {}],  # type: ignore[list-item]  # it takes what the document takes
        parameters=[
            OpenApiParameter(
                "token",
                str,
                description="From `events_url` of the job, for who cannot send headers; it stands "
                "in place of `Authorization`.",
            ),
            OpenApiParameter(
                "Last-Event-ID",
                str,
                OpenApiParameter.HEADER,
                description="The `id` of the last event that was heard: nothing is told until "
                "the job has changed since.",
            ),
        ],
        responses={
            (200, wire.CONTENT_TYPE): OpenApiResponse(
                OpenApiTypes.STR,
                description="`status`, `progress` and, at the end, `settlement`: each says how "
                "things stand, so that a missed one is made up for by the next.",
            ),
            204: OpenApiResponse(description="All was heard: do not come again."),
            307: OpenApiResponse(description="Another process streams; `Location` says where."),
        },
    )
    def get(self, request: Request, job_id: str) -> HttpResponse:
        """Stream what happens to a job, until its settlement, as server-sent events.

        A stream ends after 15 minutes at most, or with the token that opened it; come again with
        `Last-Event-ID`, as a browser's EventSource does by itself.
        """
        now = timezone.now()
        job, ends_at = _by_address(request, job_id) or _by_name(request, job_id)
        heard = wire.read_id(request.headers.get("Last-Event-ID", ""))
        if heard == job.version and job.status in FINAL:
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        if not isinstance(request._request, ASGIRequest):  # noqa: SLF001 (which server this is)
            return _elsewhere(job, ends_at)
        latest = now + STREAM_TIME
        return Admitted(
            job,
            heard=heard if heard == job.version else None,
            seconds=((latest if ends_at is None else min(latest, ends_at)) - now).total_seconds(),
        )


def _by_address(request: Request, job_id: str) -> tuple[Job, datetime | None] | None:
    """Return the job of a signed address, and when the permission ends; None: there is no token.

    Raises:
        NotFound: the token is not ours, too old, or that of another job.
    """
    token = request.query_params.get("token")
    if token is None:
        return None
    try:
        named, until = signing.loads(
            token, salt=shapes.EVENTS_SALT, max_age=settings.EVENTS_URL_SECONDS
        )
    except signing.BadSignature:
        raise problems.absent() from None
    ends_at = None if until is None else datetime.fromtimestamp(until, UTC)
    is_over = ends_at is not None and ends_at <= timezone.now()
    job = Job.objects.filter(pk=job_id).first() if named == job_id and not is_over else None
    if job is None:
        raise problems.absent()
    return job, ends_at


def _by_name(request: Request, job_id: str) -> tuple[Job, datetime | None]:
    """Return the job if the caller may read it, and when his proof ends.

    Raises:
        NotFound: absent, or another's.
    """
    job = selectors.job(job_id, **sight_of(request, Scope.JOBS_READ))
    return job, caller_of(request).expires_at


def _elsewhere(job: Job, ends_at: datetime | None) -> HttpResponse:
    """Say where the stream is. The address permits it: a caller's headers do not travel along.

    Raises:
        Unavailable: nobody has said which process streams.
    """
    if not settings.EVENTS_URL:
        raise errors.Unavailable(
            _("Events are streamed by another process; the proxy in front must send this there.")
        )
    until = None if ends_at is None else int(ends_at.timestamp())
    return _Elsewhere(
        shapes.events_address(job.pk, until=until), headers={"Cache-Control": "no-store"}
    )
