"""The shapes of quotes and jobs in REST: what comes in, what goes out."""

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.errors import DomainError
from billing.http import problems
from billing.http.parsing import StrictIn
from billing.jobs import selectors
from billing.jobs.lifecycle import FailureClass, JobStatus
from billing.jobs.models import Job, Output
from billing.jobs.orders import OPTIONS, SEED_MAX, JobOrder
from billing.jobs.services.ordering import Told
from billing.ledger.timeline import Lot, Part
from billing.webhooks import addresses
from plans.credits import format_micros, parse_micros
from plans.errors import InvalidSpec

OUTPUT_SALT: Final = "billing.jobs.output"
_METADATA_KEYS_MAX: Final = 20
_METADATA_KEY_LENGTH_MAX: Final = 64
_TEXT_MAX: Final = 2500
_OPTION_LENGTH_SHOWN: Final = 64
_ADDRESSES: Final = ("image_url", "last_image_url", "video_url")


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "boolean"}]})
class DimensionField(serializers.Field[Any, Any, Any, Any]):
    """A dimension of the price as it came: the catalog judges its type and value."""

    def to_internal_value(self, data: object) -> object:
        """Return it unchanged."""
        return data

    def to_representation(self, value: object) -> object:
        """Return it unchanged."""
        return value


@extend_schema_field({"type": "string", "format": "uri", "maxLength": 2000})
class AddressField(serializers.CharField):
    """A public address, which the backend fetches; `read_order` judges it."""


@extend_schema_field(
    {
        "type": "object",
        "properties": {"seed": {"type": "integer", "minimum": 0, "maximum": SEED_MAX}},
        "additionalProperties": False,
    }
)
class OptionsField(serializers.DictField):
    """What the backend is told beside the order; `read_order` judges it."""


class AmountField(serializers.CharField):
    """An amount of credits as a decimal string: a number of JSON may have lost some of it."""

    def to_internal_value(self, data: object) -> str:
        """Return the text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class InputsIn(StrictIn):
    """What the video is made from."""

    prompt = serializers.CharField(max_length=_TEXT_MAX, required=False, allow_blank=True)
    negative_prompt = serializers.CharField(max_length=_TEXT_MAX, required=False, allow_blank=True)
    image_url = AddressField(max_length=2000, required=False)
    last_image_url = AddressField(max_length=2000, required=False)
    video_url = AddressField(max_length=2000, required=False)


class SpecIn(serializers.Serializer[Any]):
    """A job spec. Which dimensions a model has, and which values, the catalog says."""

    is_closed = True  # `read_order` leaves nothing out, and the catalog refuses what it knows not
    model = DimensionField()
    task = DimensionField(required=False)
    mode = DimensionField(required=False)
    seconds = DimensionField(required=False)
    resolution = DimensionField(required=False)
    aspect_ratio = DimensionField(required=False)
    audio = DimensionField(required=False)
    count = DimensionField(required=False)
    lane = DimensionField(required=False)
    inputs = InputsIn(required=False)
    options = OptionsField(child=DimensionField(allow_null=True), required=False)
    parent = serializers.CharField(max_length=64, required=False, allow_null=True)  # type: ignore[assignment]  # the contract's name for it
    metadata = serializers.DictField(child=serializers.CharField(max_length=500), required=False)

    def validate_metadata(self, value: dict[str, str]) -> dict[str, str]:
        """Refuse more notes than a job carries."""
        if len(value) > _METADATA_KEYS_MAX:
            raise serializers.ValidationError(
                _("At most %(most)d keys.") % {"most": _METADATA_KEYS_MAX}
            )
        if any(len(name) > _METADATA_KEY_LENGTH_MAX for name in value):
            raise serializers.ValidationError(
                _("A key has at most %(most)d characters.") % {"most": _METADATA_KEY_LENGTH_MAX}
            )
        return value


class JobIn(SpecIn):
    """An order: a job spec, and what its sender is ready to pay."""

    quote = serializers.CharField(max_length=64, required=False, allow_null=True)
    max_credits = AmountField(max_length=32, required=False, allow_null=True)


_NOT_PRICED: Final = frozenset({"inputs", "options", "parent", "metadata", "quote", "max_credits"})


def read_order(shape: type[SpecIn], body: object) -> JobOrder:
    """Return the order that `body` places; every dimension is left to the catalog to judge.

    Raises:
        ValidationError: a part that is not a dimension has the wrong shape.
        InvalidSpec: `max_credits` is no amount, an option is not on offer, or an address is not
            a public one.
    """
    parsed = shape(data=body)
    parsed.is_valid(raise_exception=True)
    assert isinstance(body, Mapping)
    known = parsed.validated_data
    wrong = {
        "inputs": _wrong_addresses(known.get("inputs", {})),
        "options": _wrong_options(known.get("options", {})),
    }
    if any(wrong.values()):
        raise InvalidSpec(errors=problems.input_errors(wrong))
    not_priced = _NOT_PRICED & parsed.fields.keys()
    return JobOrder(
        # From the body, so that a name which no catalog knows is refused and not dropped.
        spec={name: value for name, value in body.items() if name not in not_priced},
        inputs=known.get("inputs", {}),
        options=known.get("options", {}),
        metadata=known.get("metadata", {}),
        parent_id=known.get("parent"),
        quote_id=known.get("quote"),
        max_micros=_amount(known.get("max_credits")),
    )


def _wrong_addresses(inputs: Mapping[str, str]) -> dict[str, list[serializers.ErrorDetail]]:
    """Return what is wrong with each address; the backend would fetch it from inside."""
    wrong = {}
    for name in _ADDRESSES:
        try:
            if name in inputs:
                addresses.require_public(inputs[name])
        except ValueError as reason:
            wrong[name] = [serializers.ErrorDetail(str(reason), code="invalid_address")]
    return wrong


def _wrong_options(options: Mapping[str, object]) -> dict[str, list[serializers.ErrorDetail]]:
    wrong = {}
    for name, value in options.items():
        if name not in OPTIONS:
            detail = serializers.ErrorDetail(_("There is no such option."), code="unknown")
            wrong[name[:_OPTION_LENGTH_SHOWN]] = [detail]
        elif type(value) is not int or not 0 <= value <= SEED_MAX:
            sentence = _("seed is a whole number from 0 to %(most)d.") % {"most": SEED_MAX}
            wrong[name] = [serializers.ErrorDetail(sentence, code="not_allowed")]
    return wrong


def _amount(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_micros(text)
    except ValueError:
        detail = _('Write an amount of credits as a decimal string, such as "35" or "0.5".')
        raise InvalidSpec(
            errors=[{"pointer": "/max_credits", "code": "invalid_amount", "detail": detail}]
        ) from None


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
    eta = serializers.DateTimeField(allow_null=True)


class OutputOut(serializers.ModelSerializer[Output]):
    """One file; its address works for a while."""

    url = serializers.SerializerMethodField()
    seconds = serializers.FloatField(allow_null=True)

    class Meta:
        model = Output
        fields = ["url", "mime", "seconds", "width", "height", "bytes", "sha256"]

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, output: Output) -> str:
        """Return an address that carries its own permission and its own end."""
        token = signing.dumps(output.pk, salt=OUTPUT_SALT)
        path: str = reverse("output", args=[token])
        # Not from the request: its `Host` is the caller's to choose.
        return f"{settings.PUBLIC_URL}{path}"


class JobOut(serializers.ModelSerializer[Job]):
    """A job as its owner sees it."""

    credits = serializers.SerializerMethodField()
    price_lines = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    queue = serializers.SerializerMethodField()
    outputs = OutputOut(many=True)
    error = serializers.SerializerMethodField()
    late_success = serializers.SerializerMethodField()
    parent = serializers.CharField(source="parent_id", allow_null=True)  # type: ignore[assignment]  # the contract's name for it

    class Meta:
        model = Job
        fields = [
            *("id", "status", "model", "dimensions", "inputs", "credits", "price_lines"),
            *("progress", "queue", "outputs", "error", "late_success", "parent", "metadata"),
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
            "captured": format_micros(job.hold.captured_micros),
            "released": format_micros(released),
        }

    @extend_schema_field(LineOut(many=True))
    def get_price_lines(self, job: Job) -> list[dict[str, str]]:
        """Return what the price is made of."""
        return lines(job.price_lines)

    @extend_schema_field(OpenApiTypes.FLOAT)
    def get_progress(self, job: Job) -> float:
        """Return the share that is done, 0 to 1."""
        return job.progress_percent / 100

    @extend_schema_field(QueueOut(allow_null=True))
    def get_queue(self, job: Job) -> dict[str, Any] | None:
        """Return the place in the queue; no time is promised before one can be kept."""
        if job.status != JobStatus.QUEUED:
            return None
        # To count is dear; a list does not.
        position = None if self.context.get("listed") else selectors.position(job)
        return {"lane": job.dimensions.get("lane", "standard"), "position": position, "eta": None}

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


class ReasonOut(serializers.Serializer[Any]):
    """One thing that stands in the way; its code's own facts stand beside it."""

    code = serializers.CharField()
    detail = serializers.CharField()


class WouldUseOut(serializers.Serializer[Any]):
    """A grant that would pay."""

    grant = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # the contract's name for it
    credits = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)


class AlternativeOut(serializers.Serializer[Any]):
    """A like order that would be admitted."""

    change = serializers.DictField(child=DimensionField())
    credits = serializers.CharField()


class QuoteOut(serializers.Serializer[Any]):
    """A price, what it is made of, who would pay, and what stands in the way."""

    id = serializers.CharField()
    credits = serializers.CharField()
    max_credits = serializers.CharField()
    lines = LineOut(many=True)
    rate_card = serializers.CharField()
    expires_at = serializers.DateTimeField()
    admissible = serializers.BooleanField()
    reasons = ReasonOut(many=True)
    would_use = WouldUseOut(many=True)
    alternatives = AlternativeOut(many=True)
    refund_policy = serializers.DictField(
        child=serializers.CharField(), help_text="What comes back, by the class of a failure."
    )


def quote_body(told: Told) -> dict[str, Any]:
    """Return a quote as it is told."""
    quote, assessment = told.quote, told.assessment
    catalog = assessment.published.catalog
    return {
        "id": quote.pk,
        "credits": format_micros(quote.total_micros),
        "max_credits": format_micros(quote.max_micros),
        "lines": lines(quote.lines),
        "rate_card": quote.catalog_version_id,
        "expires_at": quote.expires_at,
        "admissible": not assessment.barriers,
        "reasons": [_reason(barrier) for barrier in assessment.barriers],
        "would_use": [_payer(told.lots[part.grant_id], part) for part in assessment.would_use],
        "alternatives": [
            {"change": dict(one.change), "credits": format_micros(one.credits_micros)}
            for one in told.alternatives
        ],
        "refund_policy": {
            failure.value: format_micros(
                quote.max_micros
                - catalog.failure_policy.kept_micros(
                    held_micros=quote.max_micros,
                    error_class=failure.value,
                    model=quote.dimensions["model"],
                )
            )
            for failure in FailureClass
        },
    }


def _payer(lot: Lot, part: Part) -> dict[str, Any]:
    return {
        "grant": lot.id,
        "source": lot.source,
        "credits": format_micros(part.amount_micros),
        "expires_at": lot.expires_at,
    }


def lines(stored: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return a price's lines with their amounts in credits."""
    return [{"label": line["label"], "credits": format_micros(line["micros"])} for line in stored]


def _reason(barrier: DomainError) -> dict[str, object]:
    return {"code": barrier.code, "detail": barrier.message, **barrier.facts}
