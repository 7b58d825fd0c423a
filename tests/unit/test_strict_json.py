from typing import Any

import pytest
from rest_framework import serializers

from billing.http.parsing import DEPTH_MAX, INTEGER_MAX, StrictIn, loads_strict
from billing.http.problems import input_errors


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"{} {}",
        b"{'a':1}",
        b'{"a":1,}',
        b"[1,]",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"c":2,"b":3}}',
        b'{"a":1,"\\u0061":2}',
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'{"a":NaN}',
        b"1e999",
        b"-1e999",
        b'{"a":1e400}',
        str(INTEGER_MAX + 1).encode(),
        str(-INTEGER_MAX - 1).encode(),
        b"9" * 5000,
        b"-" + b"9" * 5000,
        b'"\\u0000"',
        b'{"\\u0000":1}',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\xff"',
        b'"\xc0\xaf"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        nested(DEPTH_MAX + 1),
        nested(100_000),
        b'{"a":' * 100_000,
        b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1),
        b'"tab\there"',
        b"// comment\n{}",
        b"0x10",
        b"01",
        b"+1",
        b".5",
        b"True",
    ],
    ids=range(41),
)
def test_what_is_not_one_clear_value_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads_strict(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b" [1, 2.5, -3, true, null] ", [1, 2.5, -3, True, None]),
        (b'{"a":{"a":1},"b":{"a":1}}', {"a": {"a": 1}, "b": {"a": 1}}),
        (str(INTEGER_MAX).encode(), INTEGER_MAX),
        (str(-INTEGER_MAX).encode(), -INTEGER_MAX),
        ('"灵感 😀"'.encode(), "灵感 😀"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"1e3", 1000.0),
    ],
)
def test_clear_values_are_read(raw: bytes, value: object) -> None:
    assert loads_strict(raw) == value


def test_the_deepest_body_that_is_allowed_is_read() -> None:
    assert loads_strict(nested(DEPTH_MAX))


class Inner(StrictIn):
    """A shape inside."""

    prompt = serializers.CharField(max_length=5)


class Outer(StrictIn):
    """A shape."""

    name = serializers.CharField()
    inputs = Inner(required=False)
    several = Inner(many=True, required=False)
    numbers = serializers.ListField(child=serializers.IntegerField(), required=False)
    kept = serializers.CharField(read_only=True)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"name": "a", "nmae": "b"}, {("/nmae", "unknown_field")}),
        ({"nmae": "b"}, {("/nmae", "unknown_field"), ("/name", "required")}),
        ({"name": "a", "kept": "b"}, {("/kept", "unknown_field")}),
        ({"name": "a", "a/b~c": 1}, {("/a~1b~0c", "unknown_field")}),
        ({"name": "a", "inputs": {"prompt": "ok", "x": 1}}, {("/inputs/x", "unknown_field")}),
        ({"name": "a", "inputs": {"prompt": "too long"}}, {("/inputs/prompt", "max_length")}),
        ({"name": "a", "inputs": {"prompt": "\tshort"}}, {("/inputs/prompt", "max_length")}),
        ({"name": "a", "several": [{"prompt": "a"}, {"y": 1}]},
         {("/several/1/prompt", "required"), ("/several/1/y", "unknown_field")}),
        ({"name": "a", "numbers": [1, "x"]}, {("/numbers/1", "invalid")}),
        ([], {("", "invalid")}),
        ("text", {("", "invalid")}),
        (None, {("", "null")}),
    ],
)  # fmt: skip
def test_complaints_point_at_their_place(body: Any, pointers: set[tuple[str, str]]) -> None:  # noqa: ANN401 (any JSON)
    shape: Outer = Outer(data=body)

    with pytest.raises(serializers.ValidationError) as refusal:
        shape.is_valid(raise_exception=True)

    found = input_errors(refusal.value.detail)
    assert {(error["pointer"], error["code"]) for error in found} == pointers
    assert all(error["detail"] for error in found)
