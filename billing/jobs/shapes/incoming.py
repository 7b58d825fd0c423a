"""What comes in over REST: a job spec, an order."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.accounts.authentication import Caller
from billing.egress import addresses
from billing.http import problems
from billing.http.parsing import INTEGER_MAX, PlainIn, StrictIn
from billing.jobs.orders import ADDRESSES, OPTIONS, SEED_MAX, JobOrder
from plans.credits import parse_micros
from plans.errors import InvalidSpec

_METADATA_KEYS_MAX: Final = 20
_METADATA_KEY_LENGTH_MAX: Final = 64
_TEXT_MAX: Final = 2500
_OPTION_LENGTH_SHOWN: Final = 64


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string"},
            {"type": "integer", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX},
            {"type": "boolean"},
        ]
    }
)
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


class SpecIn(PlainIn):
    """A job spec. Which dimensions a model has, and which values, the catalog says."""

    is_closed = True  # `read_order` leaves nothing out, and the catalog refuses what it knows not
    model = DimensionField(
        required=False, help_text="Only an order that takes it over from its parent lacks it."
    )
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


def read_order(shape: type[SpecIn], body: object, *, caller: Caller) -> JobOrder:
    """Return the order that `body` places; every dimension is left to the catalog to judge.

    Args:
        caller: who places it; his proof says by which way in.

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
        surface=caller.surface,
        by_service=caller.account is None,
    )


def _wrong_addresses(inputs: Mapping[str, str]) -> dict[str, list[serializers.ErrorDetail]]:
    """Return what is wrong with each address; the backend would fetch it from inside."""
    wrong = {}
    for name in ADDRESSES:
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
