"""Quotes and jobs over REST: parse, one call, answer."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Final

from django.conf import settings
from django.core import signing
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import selectors as accounts
from billing.accounts.authentication import account_of, caller_of, person_of
from billing.accounts.errors import AccountFrozen
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.accounts.roles import RIGHTS, Right, Role
from billing.accounts.scopes import Scope
from billing.gpu.errors import NoBackend
from billing.http import freshness, idempotency, pagination, problems, ranges
from billing.http.errors import RangeNotSatisfiable
from billing.http.negotiation import AnyMedia
from billing.jobs import selectors, services, shapes
from billing.jobs.errors import (
    ConcurrencyLimit,
    IllegalMove,
    InvalidParent,
    NotEntitled,
    NotYet,
    OutputGone,
    PriceAboveMaximum,
    QuotaExceeded,
    QuoteExpired,
    Retired,
)
from billing.jobs.models import Output
from billing.ledger.errors import InDebt, InsufficientCredits
from billing.ledger.services import Actor
from billing.organizations.api.access import access_of
from billing.telemetry import tracing
from plans import selectors as plans
from plans.errors import InvalidSpec, Unpriced

# A player starts at once, and asks for further ranges by the same address for a while.
_LEAD_SECONDS: Final = 900
_RANGE: Final = OpenApiParameter(
    "Range", str, OpenApiParameter.HEADER, description="One range, as bytes=0-1023."
)


class JobPage(serializers.Serializer[Any]):
    """A page of jobs."""

    data = shapes.JobOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class QuoteList(APIView):
    """Prices before ordering."""

    authz: ClassVar = {"POST": "job.quote"}
    limit: ClassVar = {"POST": "reads"}
    refusals: ClassVar = {"POST": [InvalidSpec, Unpriced, Retired, NotYet, NotEntitled]}

    @extend_schema(
        request=shapes.SpecIn, responses={200: shapes.QuoteOut}, operation_id="create_quote"
    )
    def post(self, request: Request) -> Response:
        """Tell what an order costs and everything that stands in its way; holds nothing."""
        account, member = orderer_of(request, Scope.JOBS_READ)
        order = shapes.read_order(shapes.SpecIn, request.data, caller=caller_of(request))
        told = services.quote(account=account, order=order, member=member)
        return Response(shapes.quote_body(told))


class JobList(APIView):
    """An account's jobs."""

    authz: ClassVar = {"GET": "job.read", "POST": "job.submit"}
    paged = True
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {
        "POST": [
            *(InvalidSpec, Unpriced, Retired, NotYet, InvalidParent, OutputGone),
            *(PriceAboveMaximum, QuoteExpired, NotEntitled, ConcurrencyLimit, QuotaExceeded),
            *(InDebt, InsufficientCredits, NoBackend, AccountFrozen),
        ]
    }

    @extend_schema(responses=JobPage, operation_id="list_jobs")
    def get(self, request: Request) -> Response:
        """List the account's jobs, the newest first."""
        jobs = selectors.jobs(**sight_of(request, Scope.JOBS_READ))
        return Response(pagination.page(jobs, request, shapes.JobOut))

    @extend_schema(request=shapes.JobIn, responses={201: shapes.JobOut}, operation_id="submit_job")
    def post(self, request: Request) -> HttpResponse:
        """Order a video: its price is held in the same transaction.

        Repeat safely with the same `Idempotency-Key`.
        """
        key = idempotency.read_key(request, required=True)
        now = timezone.now()

        def work() -> tuple[int, object]:
            account, member = orderer_of(request, Scope.JOBS_WRITE)
            order = shapes.read_order(shapes.JobIn, request.data, caller=caller_of(request))
            job = services.submit(
                account=account, order=order, actor=actor_of(request), now=now, member=member
            )
            tracing.note(job_id=job.pk, account_id=job.account_id)
            return 201, shapes.JobOut(job, context={"now": now}).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class JobDetail(APIView):
    """One job."""

    authz: ClassVar = {"GET": "job.read"}

    @extend_schema(responses={200: shapes.JobOut, 304: None}, operation_id="read_job")
    def get(self, request: Request, job_id: str) -> HttpResponse:
        """Read a job: where it stands, what it cost, where its video is.

        Ask again cheaply with `If-None-Match`; better still, follow its events.
        """
        now = timezone.now()
        job = selectors.job(job_id, **sight_of(request, Scope.JOBS_READ))
        body = shapes.JobOut(job, context={"now": now}).data
        return freshness.answer(request, body, version=shapes.version_of(body, now=now))


class JobCancel(APIView):
    """The wish to end a job."""

    authz: ClassVar = {"POST": "job.cancel"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {"POST": [IllegalMove]}

    @extend_schema(request=None, responses={202: shapes.JobOut}, operation_id="cancel_job")
    def post(self, request: Request, job_id: str) -> HttpResponse:
        """Cancel a job: at once while it waits, by the backend's word when it has it."""
        key = idempotency.read_key(request, required=False)
        now = timezone.now()

        def work() -> tuple[int, object]:
            job = selectors.job(job_id, **sight_of(request, Scope.JOBS_WRITE))
            canceled = services.cancel(job=job, actor=actor_of(request), now=now)
            return 202, shapes.JobOut(canceled, context={"now": now}).data

        return idempotency.respond(idempotency.answer_once(key, work, now=now))


class MemberUsage(APIView):
    """What the members of an organization have used of its pool."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"GET": "usage.read"}

    @extend_schema(
        parameters=shapes.USAGE_PARAMETERS,
        responses=shapes.UsageOut,
        operation_id="read_organization_usage",
    )
    def get(self, request: Request, organization_id: str) -> Response:
        """Sum what was ordered of the pool, by member, day or model.

        A member who does not see the others is told of himself alone.
        """
        access = access_of(request, organization_id, Right.READ)
        member, catalog = access.membership, plans.current().catalog
        sees_all = member is None or accounts.sees_all(member, catalog=catalog)
        asked = shapes.read_usage(request.query_params)
        account = access.organization.account
        rows = selectors.usage(account, None if sees_all else member, **asked)
        return Response({"data": shapes.usage_body(rows, access.organization)})


class _FileView(APIView):
    """A file by an address that is its own permission and ends by itself."""

    authentication_classes = []
    permission_classes = [AllowAny]
    content_negotiation_class = AnyMedia
    any_parameters = True
    authz: ClassVar = {"GET": "output.read"}
    limit: ClassVar = {"GET": "addresses"}
    refusals: ClassVar = {"GET": [RangeNotSatisfiable]}


class OutputFile(_FileView):
    """A finished film."""

    @extend_schema(
        operation_id="read_output",
        parameters=[_RANGE],
        responses={
            (200, "video/mp4"): OpenApiTypes.BINARY,
            (206, "video/mp4"): OpenApiTypes.BINARY,
            302: OpenApiResponse(description="It lies elsewhere, for a few minutes."),
        },
    )
    def get(self, request: Request, token: str) -> HttpResponseBase:
        """Send the file, or the part of it that `Range` asks for, or say where it is."""
        output = _output_of(token, shapes.OUTPUT_SALT)
        name = f"{output.job_id}.mp4"
        return _send(request, _Stored(output.path, output.mime, output.sha256, name))


class Thumbnail(_FileView):
    """A small picture of a finished film."""

    @extend_schema(
        operation_id="read_thumbnail",
        responses={
            (200, "image/webp"): OpenApiTypes.BINARY,
            302: OpenApiResponse(description="It lies elsewhere, for a few minutes."),
        },
    )
    def get(self, request: Request, token: str) -> HttpResponseBase:
        """Send the picture, or say where it is."""
        output = _output_of(token, shapes.THUMBNAIL_SALT)
        if not output.thumbnail_path:
            raise problems.absent()
        name = f"{output.job_id}.webp"
        return _send(request, _Stored(output.thumbnail_path, "image/webp", output.pk, name))


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file in our storage, as it is sent; `version` is another one for other bytes."""

    path: str
    mime: str
    version: str
    filename: str

    @property
    def etag(self) -> str:
        """Return what `If-Range` compares."""
        return f'"{self.version}"'


def _send(request: Request, stored: _Stored) -> HttpResponseBase:
    if settings.STORAGE_REDIRECTS:
        return _lead(request, stored)
    try:
        size = default_storage.size(stored.path)
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, max-age=3600",
            "Content-Length": str(size),
            "ETag": stored.etag,
            "X-Content-Type-Options": "nosniff",
        }
        if request.method == "HEAD":
            return HttpResponse(content_type=stored.mime, headers=headers)
        part = _asked_part(request, stored, size)
        file = default_storage.open(stored.path)
    except FileNotFoundError:
        raise problems.absent() from None
    status = HTTPStatus.OK
    content: File[bytes] | _Part = file
    if part is not None:
        first, last = part
        status, content = HTTPStatus.PARTIAL_CONTENT, _Part(file, first, last - first + 1)
        headers["Content-Length"] = str(last - first + 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return _Streamed(
        content, status=status, content_type=stored.mime, headers=headers, filename=stored.filename
    )


def _lead(request: Request, stored: _Stored) -> HttpResponse:
    """Lead to the storage's own address, which ends soon; ranges are the storage's business."""
    storage: Any = default_storage
    url = storage.url(
        stored.path,
        parameters={
            "ResponseContentType": stored.mime,
            "ResponseContentDisposition": f'inline; filename="{stored.filename}"',
        },
        expire=min(settings.OUTPUT_URL_SECONDS, _LEAD_SECONDS),
        http_method="HEAD" if request.method == "HEAD" else None,
    )
    return HttpResponse(
        status=HTTPStatus.FOUND, headers={"Location": url, "Cache-Control": "private, no-store"}
    )


def _output_of(token: str, salt: str) -> Output:
    """Return the output that an address is of; one whose file is deleted is absent."""
    try:
        output_id = signing.loads(token, salt=salt, max_age=settings.OUTPUT_URL_SECONDS)
    except signing.BadSignature:
        raise problems.absent() from None
    output = Output.objects.filter(pk=output_id, deleted_at=None).first()
    if output is None:
        raise problems.absent()
    return output


def _asked_part(request: Request, stored: _Stored, size: int) -> tuple[int, int] | None:
    """Return the first and last byte that are wanted; None for the whole file.

    Raises:
        RangeNotSatisfiable: the file has none of them.
    """
    if request.headers.get("If-Range", stored.etag) != stored.etag:
        return None  # the caller has a part of something else
    try:
        return ranges.read_range(request.headers.get("Range", ""), size)
    except ranges.NotSatisfiable:
        raise RangeNotSatisfiable(
            _("The file has %(bytes)d bytes, and none in this range.") % {"bytes": size}, bytes=size
        ) from None


class _Streamed(FileResponse):
    """Sends a file piece by piece, whoever stores it."""

    block_size = 64 * 1024


class _Part:
    """A run of bytes in the middle of a file. It has no `fileno`: a server would send too much."""

    def __init__(self, file: File[bytes], first: int, count: int) -> None:
        file.seek(first)
        self._file = file
        self._left = count

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, or fewer at the end."""
        found: bytes = self._file.read(min(size, self._left))
        self._left -= len(found)
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def actor_of(request: Request) -> Actor:
    """Return who moves credits by this request."""
    caller = caller_of(request)
    return Actor(caller.kind, caller.actor_id)


def orderer_of(request: Request, scope: Scope) -> tuple[Account, Membership | None]:
    """Return who orders, and as a member of which organization, if for one.

    Raises:
        Forbidden, Malformed, NotFound: as `account_of`.
    """
    account_of(request, scope)  # his role must allow it as well
    return person_of(request, scope), caller_of(request).member


def sight_of(request: Request, scope: Scope) -> dict[str, Any]:
    """Return whose jobs the caller may see, or change where `scope` is to write.

    What the other members ordered is changed by those alone who answer for the pool.
    """
    account, seat = account_of(request, scope), caller_of(request).seat
    if seat is None:
        return {"account": account}
    answers = Right.SEE_ALL in RIGHTS[Role(seat.membership.role)]
    sees_all = seat.sees_all if scope == Scope.JOBS_READ else answers
    return {"account": account, "member": seat.membership, "sees_all": sees_all}
