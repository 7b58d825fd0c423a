"""How a job is told over REST."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.http.shaping import MadeOnce
from billing.jobs.lifecycle import FINAL, JobStatus
from billing.jobs.models import Job, Output
from billing.jobs.services import explaining
from billing.jobs.services.explaining import QueueReason
from plans.credits import format_micros

OUTPUT_SALT: Final = "billing.jobs.output"
THUMBNAIL_SALT: Final = "billing.jobs.thumbnail"
EVENTS_SALT: Final = "billing.jobs.events"
_ADDRESSES: Final = frozenset({"url", "thumbnail_url"})


def events_address(job_id: str, *, until: int | None = None) -> str:
    """Return where the job's events are streamed: an address that carries its own permission.

    It works for EVENTS_URL_SECONDS; streams that it opens end with what `until` says, too.

    Args:
        until: in seconds of Unix time; None: nothing ends them but their usual length.
    """
    token = signing.dumps([job_id, until], salt=EVENTS_SALT)
    # Not from the request: its `Host` is the caller's to choose.
    base = settings.EVENTS_URL or settings.PUBLIC_URL
    return f"{base}{reverse('job-events', args=[job_id])}?token={token}"


def _address_that(does: str) -> dict[str, object]:
    """Return how the contract says an address that may be missing."""
    return {"type": ["string", "null"], "format": "uri", "description": does}


class LineOut(serializers.Serializer[Any]):
    """One line of a price."""

    label = serializers.CharField()  # type: ignore[assignment]  # the contract's name for it
    credits = serializers.CharField()


class JobCreditsOut(serializers.Serializer[Any]):
    """Where a job's credits are."""

    quoted = serializers.CharField()
    held = serializers.CharField()
    captured = serializers.CharField()
    released = serializers.CharField()
    owed = serializers.CharField(help_text="Charged beyond what the wallet had: a debt.")


class PaidByUnitsOut(serializers.Serializer[Any]):
    """Counted units that pay a share of an order."""

    allowance = serializers.CharField()
    units = serializers.CharField()
    unit = serializers.CharField()
    share = serializers.CharField(help_text='A fraction of the order: "1" or "2/3".')


class JobErrorOut(serializers.Serializer[Any]):
    """Why a job did not succeed."""

    code = serializers.CharField()
    detail = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields with `class`, which is no name for a Python attribute."""
        return {"class": serializers.CharField(), **super().get_fields()}


class QueueOut(serializers.Serializer[Any]):
    """Where a queued job stands."""

    lane = serializers.CharField()
    position = serializers.IntegerField(allow_null=True, help_text="1 is next; not told in lists.")
    eta = serializers.DateTimeField(
        allow_null=True,
        help_text="About when a backend gets it; no promise. Not told in lists, nor while no "
        "backend takes orders, nor where nobody knows yet how long its model takes.",
    )
    reason = serializers.ChoiceField(
        list(QueueReason),
        allow_null=True,
        help_text="Why it waits, told of a job that is read by itself; null: its turn comes soon.",
    )


class OutputOut(serializers.ModelSerializer[Output]):
    """One file; its addresses work for a while."""

    url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    seconds = serializers.FloatField(allow_null=True)
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="When the file is deleted, by the plan of then; null: never."
    )

    class Meta:
        model = Output
        fields = [
            *("url", "thumbnail_url", "mime", "seconds", "width", "height", "bytes", "sha256"),
            "expires_at",
        ]

    @extend_schema_field(_address_that("It works for a while; null: the file is deleted."))
    def get_url(self, output: Output) -> str | None:
        """Return an address that carries its own permission and its own end; null: it is gone."""
        return None if output.deleted_at is not None else _address("output", output, OUTPUT_SALT)

    @extend_schema_field(
        _address_that("A small WebP picture, some seconds after the success; null: there is none.")
    )
    def get_thumbnail_url(self, output: Output) -> str | None:
        """Return the address of a small picture of it; null while there is none."""
        if not output.thumbnail_path:
            return None
        return _address("output-thumbnail", output, THUMBNAIL_SALT)


class JobOut(MadeOnce, serializers.ModelSerializer[Job]):
    """A job as its owner sees it."""

    credits = serializers.SerializerMethodField()
    price_lines = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    queue = serializers.SerializerMethodField()
    counted = serializers.SerializerMethodField()
    outputs = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    late_success = serializers.SerializerMethodField()
    events_url = serializers.SerializerMethodField()
    member = serializers.CharField(
        source="member.account.external_id",
        allow_null=True,
        default=None,
        help_text="Who ordered it for an organization.",
    )
    parent = serializers.CharField(source="parent_id", allow_null=True)  # type: ignore[assignment]  # the contract's name for it

    class Meta:
        model = Job
        fields = [
            *("id", "status", "model", "dimensions", "inputs", "credits", "price_lines"),
            *("counted", "flags"),
            *("progress", "queue", "outputs", "error", "late_success", "parent", "member"),
            *("metadata", "events_url"),
            *("created_at", "started_at", "cancel_requested_at", "finished_at"),
        ]

    @extend_schema_field(JobCreditsOut)
    def get_credits(self, job: Job) -> dict[str, str]:
        """Return where the credits are now."""
        is_open = job.hold.settled_at is None
        held = job.hold.amount_micros if is_open else 0
        released = 0 if is_open else job.hold.amount_micros - job.hold.captured_micros
        return {
            "quoted": format_micros(job.quoted_micros),
            "held": format_micros(held),
            "captured": format_micros((job.charged_micros or 0) - job.owed_micros),
            "released": format_micros(released),
            "owed": format_micros(job.owed_micros),
        }

    @extend_schema_field(LineOut(many=True))
    def get_price_lines(self, job: Job) -> list[dict[str, str]]:
        """Return what the price is made of: as quoted, then as it was really charged."""
        return lines(job.charge_lines or job.price_lines)

    @extend_schema_field(PaidByUnitsOut(many=True))
    def get_counted(self, job: Job) -> list[dict[str, str]]:
        """Return which counted allowances pay a part of it."""
        return [counted_body(cover) for cover in job.covers]

    @extend_schema_field(OutputOut(many=True))
    def get_outputs(self, job: Job) -> list[dict[str, Any]]:
        """Return its films; there are none before it has ended, and then nobody is asked."""
        if job.status not in FINAL:
            return []
        return list(OutputOut(job.outputs, many=True, context=self.context).data)

    @extend_schema_field(OpenApiTypes.FLOAT)
    def get_progress(self, job: Job) -> float:
        """Return the share that is done, 0 to 1."""
        return job.progress_percent / 100

    @extend_schema_field(QueueOut(allow_null=True))
    def get_queue(self, job: Job) -> dict[str, Any] | None:
        """Return the place in the queue, and when its turn comes, where the context knows `now`."""
        if job.status != JobStatus.QUEUED:
            return None
        now = self.context.get("now")
        if now is None:  # to count is dear; a list does not
            return {"lane": job.lane, "position": None, "eta": None, "reason": None}
        place, reason = explaining.standing_of(job, now=now)
        eta = QueueOut().fields["eta"].to_representation(place.eta) if place.eta else None
        return {"lane": job.lane, "position": place.position, "eta": eta, "reason": reason}

    @extend_schema_field(JobErrorOut(allow_null=True))
    def get_error(self, job: Job) -> dict[str, str] | None:
        """Return why the job did not succeed."""
        if not job.failure_class:
            return None
        return {"class": job.failure_class, "code": job.status, "detail": job.failure_detail}

    @extend_schema_field(OpenApiTypes.BOOL)
    def get_late_success(self, job: Job) -> bool:
        """Return whether the video came after the credits had gone back; it is free then."""
        return job.late_success_at is not None

    @extend_schema_field(
        _address_that("Streams its events to who cannot send headers; null: it has ended.")
    )
    def get_events_url(self, job: Job) -> str | None:
        """Return where its events are streamed, for who cannot send headers; None: it has ended."""
        return None if job.status in FINAL else events_address(job.pk)


def lines(stored: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return a price's lines with their amounts in credits."""
    return [{"label": line["label"], "credits": format_micros(line["micros"])} for line in stored]


def version_of(body: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Return what of a job's body makes it another one, for who asks again and again.

    Its addresses are signed anew in each answer. They count once in half of the time for which
    they work, so that nobody is left with one that does not work any more.
    """
    works_seconds = min(settings.OUTPUT_URL_SECONDS, settings.EVENTS_URL_SECONDS)
    outputs = [
        {name: bool(said) if name in _ADDRESSES else said for name, said in output.items()}
        for output in body["outputs"]
    ]
    return {
        **body,
        "outputs": outputs,
        "events_url": int(now.timestamp()) // max(1, works_seconds // 2),
    }


def counted_body(cover: Mapping[str, Any]) -> dict[str, str]:
    """Return which part of an order a counted allowance pays, in its own units."""
    return {
        "allowance": cover["allowance"],
        "units": format_micros(cover["units_micros"]),
        "unit": cover["unit"],
        "share": cover["share"],
    }


def _address(route: str, output: Output, salt: str) -> str:
    path: str = reverse(route, args=[signing.dumps(output.pk, salt=salt)])
    # Not from the request: its `Host` is the caller's to choose.
    return f"{settings.PUBLIC_URL}{path}"
