"""What a body may look like: JSON that means one thing only, small, shallow, and without extras."""

import json
import math
from collections.abc import Mapping
from datetime import MINYEAR, UTC, datetime
from typing import Any, ClassVar, Final, NoReturn

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.parsers import BaseParser

from billing.http import errors
from billing.http.shaping import MadeOnce

BODY_BYTES_MAX: Final = 256 * 1024
DEPTH_MAX: Final = 20
# The signed 64-bit range: what a column holds, and what no product of two bounded facts escapes.
INTEGER_MAX: Final = 2**63 - 1
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
# PostgreSQL's text cannot hold NUL, and UTF-8 cannot hold half a surrogate pair.
_UNWRITABLE: Final = frozenset([0, *range(0xD800, 0xE000)])
# 5.0 is an integer in JSON Schema.
_JSON_TYPES: Final[tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], Any], ...]] = (
    (serializers.CharField, str),
    (serializers.IntegerField, (int, float)),
    (serializers.BooleanField, bool),
)


def loads_strict(raw: bytes) -> Any:  # noqa: ANN401 (JSON is what it is)
    """Return the one value that `raw` stands for.

    Raises:
        ValueError: not UTF-8, not JSON, a key twice in one object, NaN or an infinity, a number
            out of range, a character that cannot be stored, or deeper than `DEPTH_MAX`; the
            message is a sentence for the caller.
    """
    try:
        found = json.loads(
            raw.decode("utf-8", "strict"),
            object_pairs_hook=_object_of,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except UnicodeDecodeError:
        raise ValueError(_("The body is not UTF-8.")) from None
    except json.JSONDecodeError as wrong:
        raise ValueError(
            _("The body is not JSON: line %(line)d, column %(column)d.")
            % {"line": wrong.lineno, "column": wrong.colno}
        ) from None
    except RecursionError:
        raise ValueError(_too_deep()) from None
    _check_texts_and_depth(found)
    return found


class StrictJSONParser(BaseParser):
    """Reads a body by `loads_strict`, and refuses one above `BODY_BYTES_MAX` unread.

    Reads through `request.body`, so that the bytes as received stay at hand for the idempotency
    hash.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: Any,  # noqa: ANN401 (DRF hands over the request, or a file once it was read)
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 (JSON is what it is)
        """Return the body's value.

        Raises:
            TooLarge: above `BODY_BYTES_MAX`.
            Malformed: `loads_strict` refuses.
        """
        request = (parser_context or {}).get("request")
        if request is not None and int(request.META.get("CONTENT_LENGTH") or 0) > BODY_BYTES_MAX:
            _refuse_large()
        raw = stream.body if hasattr(stream, "body") else stream.read(BODY_BYTES_MAX + 1)
        if len(raw) > BODY_BYTES_MAX:
            _refuse_large()
        try:
            return loads_strict(raw)
        except ValueError as wrong:
            raise errors.Malformed(str(wrong)) from None


def read_instant(text: str) -> datetime | None:
    """Return the instant that a parameter of the address says; None if it says none, or no offset.

    It is in UTC: RFC 3339 has offsets of up to a day, PostgreSQL of less than 16 hours. What lies
    beyond the first or the last year is the first or the last instant.
    """
    try:
        said = parse_datetime(text.replace(" ", "+"))  # a plus sign arrives as a blank
    except ValueError:
        said = None
    if said is None or said.tzinfo is None:
        return None
    try:
        return said.astimezone(UTC)
    except OverflowError:
        return _FIRST if said.year == MINYEAR else _LAST


class InstantField(serializers.DateTimeField):
    """An instant that says its offset: without one, it would be another's midnight."""

    default_error_messages: ClassVar = {
        "invalid": gettext_lazy("Write an instant with its offset, such as 2026-11-23T12:00:00Z.")
    }

    def to_internal_value(self, value: Any) -> datetime:  # noqa: ANN401 (as in DRF)
        """Return the instant."""
        try:
            said = parse_datetime(value) if isinstance(value, str) else None
        except ValueError:
            said = None
        if said is None or said.tzinfo is None:
            self.fail("invalid")
        return super().to_internal_value(value)


class PlainIn(MadeOnce):
    """A request shape that refuses in the words of JSON, and names what may be chosen."""

    default_error_messages: ClassVar = {
        "invalid": gettext_lazy("Write a JSON object here, with named fields.")
    }

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, each with our words for what it refuses."""
        fields = dict(super().get_fields())
        for field in fields.values():
            _speak_plainly(field)
            _take_as_written(field)
        return fields


class StrictIn(PlainIn):
    """The base of every request shape: a field that it does not name is refused, not ignored.

    A misspelt optional field would otherwise change what is bought without a word.
    """

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 (as in DRF)
        """Return the checked values.

        Raises:
            ValidationError: names every unknown field, together with what is wrong in the known.
        """
        unknown = (
            {str(name) for name in data} - {n for n, f in self.fields.items() if not f.read_only}
            if isinstance(data, Mapping)
            else set()
        )
        surplus = {
            name: [serializers.ErrorDetail(_("There is no such field."), code="unknown_field")]
            for name in sorted(unknown)
        }
        try:
            known = super().to_internal_value(data)
        except serializers.ValidationError as wrong:
            if surplus and isinstance(wrong.detail, dict):
                raise serializers.ValidationError({**wrong.detail, **surplus}) from None
            raise
        if surplus:
            raise serializers.ValidationError(surplus)
        return known


def _speak_plainly(field: Any) -> None:  # noqa: ANN401 (any field, and what is in it)
    said = field.error_messages
    if isinstance(field, serializers.ChoiceField):
        choices = ", ".join(str(choice) for choice in field.choices)
        # Braces, for the sentence is formatted once more with the input.
        said["invalid_choice"] = _("Write one of: %(choices)s.") % {
            "choices": choices.replace("{", "{{").replace("}", "}}")
        }
    elif isinstance(field, serializers.ListField):
        said["not_a_list"] = _("Write a JSON list here.")
    elif isinstance(field, serializers.DictField):
        said["not_a_dict"] = _("Write a JSON object here, with named fields.")
    child = getattr(field, "child", None)
    if child is not None:
        _speak_plainly(child)


def _take_as_written(field: Any) -> None:  # noqa: ANN401 (any field, and what is in it)
    """Have a field refuse what the document says it refuses, where DRF would mend it first.

    Another JSON type, for DRF would read 5 as "5"; and what is too long before it is trimmed.
    """
    kinds = next((kinds for known, kinds in _JSON_TYPES if isinstance(field, known)), None)
    if kinds is not None:
        read = field.to_internal_value

        def as_written(value: object) -> object:
            if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
                field.fail("invalid")
            most = getattr(field, "max_length", None)
            if isinstance(value, str) and most is not None and len(value) > most:
                field.fail("max_length", max_length=most)
            return read(value)

        field.to_internal_value = as_written
    child = getattr(field, "child", None)
    if child is not None:
        _take_as_written(child)


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(_("The body has the same key twice in one object."))
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(_("%(name)s is not a number of JSON.") % {"name": name})


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(_out_of_range())
    return number


def _bounded(digits: str) -> int:
    # Length first: turning a million digits into an integer is the attack.
    if len(digits) > len(str(INTEGER_MAX)) + 1 or abs(int(digits)) > INTEGER_MAX:
        raise ValueError(_out_of_range())
    return int(digits)


def _check_texts_and_depth(value: object) -> None:
    """Raise ValueError for an unwritable character or too much depth; a loop, unhurt by depth."""
    waiting = [(value, 1)]
    while waiting:
        found, depth = waiting.pop()
        if isinstance(found, str):
            if not _UNWRITABLE.isdisjoint(map(ord, found)):
                raise ValueError(_("The body has a character that cannot be stored."))
        elif isinstance(found, dict | list):
            if depth > DEPTH_MAX:
                raise ValueError(_too_deep())
            inner = [*found, *found.values()] if isinstance(found, dict) else found
            waiting.extend((part, depth + 1) for part in inner)


def _too_deep() -> str:
    return _("The body is nested more than %(depth)d levels deep.") % {"depth": DEPTH_MAX}


def _out_of_range() -> str:
    return _("The body has a number that is out of range.")


def _refuse_large() -> NoReturn:
    raise errors.TooLarge(
        _("The body is larger than %(bytes)d bytes.") % {"bytes": BODY_BYTES_MAX},
        bytes_max=BODY_BYTES_MAX,
    )
