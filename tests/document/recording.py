"""Calls of the API, written down as examples: what was sent, what came back, under stable names."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from django.test import Client

from billing.ids import new_id
from tests.architecture.test_document import Operation, operations_of
from tests.document.challenging import challenge

Examples = dict[str, dict[str, Any]]


@dataclass
class Recorder:
    """Calls our API as anybody, and remembers what is to be shown of it."""

    document: Mapping[str, Any]
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    told: list[tuple[Operation, "Exchange"]] = field(default_factory=list)
    challenged: dict[str, list[str]] = field(default_factory=dict)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str],
        shown_as: str,
        status: int,
    ) -> Any:  # noqa: ANN401 (Django's test response)
        """Call, and keep it as an example of its operation; "" as its name keeps nothing.

        Before a write is made for the first time, it is asked in every way that must be refused.
        """
        operation = self._operation(method, path)
        if isinstance(body, dict) and status < HTTPStatus.MULTIPLE_CHOICES:
            name = str(operation)
            if name not in self.challenged:
                self.challenged[name] = [*challenge(self.client, method, path, body, headers)]
        key = {"Idempotency-Key": new_id("key")} if method == "post" else {}
        answer = self.client.generic(
            method.upper(),
            path,
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers={**key, **headers},
        )
        assert answer.status_code == status, (method, path, answer.status_code, answer.content)
        exchange = Exchange(shown_as, body, status, *_content_of(answer))
        self.told.append((operation, exchange))
        return answer

    def _operation(self, method: str, path: str) -> Operation:
        """Return the operation that an address is of; the one that says most of it."""
        bare = path.partition("?")[0]
        fitting = [
            operation
            for operation in operations_of(dict(self.document))
            if operation.method == method and _pattern(operation.path).fullmatch(bare)
        ]
        return min(fitting, key=lambda one: (one.path.count("{"), -len(one.path)))


@dataclass(frozen=True)
class Exchange:
    """One call: what was sent, and what came back."""

    name: str
    sent: object
    status: int
    media_type: str
    body: object


def examples_of(told: list[tuple[Operation, Exchange]], *, began_at: datetime) -> Examples:
    """Return the examples of each operation by its name, with what differs by run made the same."""
    stable = Stable(began_at)
    found: Examples = {}
    for operation, exchange in told:
        if not exchange.name:
            continue
        of_it = found.setdefault(operation.facts["operationId"], {"requests": {}, "responses": {}})
        if exchange.sent is not None and exchange.status != HTTPStatus.BAD_REQUEST:
            of_it["requests"][exchange.name] = stable.made(exchange.sent)
        if exchange.media_type:
            answers = of_it["responses"].setdefault(str(exchange.status), {})
            answers[exchange.name] = stable.made(exchange.body)
    return found


_BEGAN: Final = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
_STEP: Final = timedelta(minutes=5)
_DAY: Final = timedelta(days=1)
_EAST: Final = timedelta(hours=8)
_ID: Final = re.compile(r"\b([a-z]{1,5})_([0-9a-hjkmnp-tv-z]{35})\b")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_DATE: Final = re.compile(r"\b(\d{4}-\d\d-\d\d)\b(?!T)")
_SECRETS: Final = (
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+"), "whsec_c2hvd24gb25jZSwgdGhlbiBrZXB0IHNlYWxlZA=="),
    (re.compile(r"(?<=[?&]token=)[^&\s\"]+"), "eyJ0b2tlbiI6Ii4uLiJ9"),
    (re.compile(r"(?<=/pages/)[^/\s\"]+(?=/)"), "eyJ0b2tlbiI6Ii4uLiJ9"),
    (re.compile(r"(?<=/outputs/)[^/\s\"]+"), "eyJ0b2tlbiI6Ii4uLiJ9"),
    (re.compile(r"http://127\.0\.0\.1:\d+/c/[^\s\"]*"), "https://checkout.stripe.com/c/pay/cs_1"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "https://pay.example"),
    (re.compile(r"\b(cs|pi|in|re|bps|sub|evt|ch)_(?:test_)?[A-Za-z0-9]{8,}"), r"\1_example"),
)
# Members whose value is another one each time, and says nothing.
_CHANCE: Final[Mapping[str, str]] = {
    "request_id": "req_01kjpex0000000000000000000000000001",
    "signature": "c2lnbmF0dXJl",
    "digest": "0" * 64,
    "previous": "0" * 64,
    "sha256": "0" * 64,
    "next": "ImV4YW1wbGUi:c2lnbmVk",
}


class Stable:
    """Makes what differs from run to run the same: ids, instants, secrets, addresses."""

    def __init__(self, began_at: datetime) -> None:
        self._began_at = began_at
        self._ids: dict[str, str] = {}
        self._made: Counter[str] = Counter()

    def made(self, value: object, name: str = "") -> Any:  # noqa: ANN401 (JSON)
        """Return a value as it is shown."""
        if isinstance(value, dict):
            return {str(key): self.made(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.made(inner, name) for inner in value]
        if not isinstance(value, str):
            return value
        if name in _CHANCE and value:
            return _CHANCE[name]
        return self._text(value)

    def _text(self, text: str) -> str:
        for pattern, shown in _SECRETS:
            text = pattern.sub(shown, text)
        text = _ID.sub(self._id, text)
        text = _INSTANT.sub(lambda found: self._instant(found.group()), text)
        return _DATE.sub(lambda found: self._date(found.group()), text)

    def _id(self, found: re.Match[str]) -> str:
        if found.group() not in self._ids:
            prefix = found.group(1)
            self._made[prefix] += 1
            self._ids[found.group()] = f"{prefix}_01kjpex000{self._made[prefix]:025d}"
        return self._ids[found.group()]

    def _instant(self, text: str) -> str:
        """Return an instant as far from the example's begin as it was from the story's.

        Where a day of the shop's zone begins, there one begins in the example too.
        """
        at = datetime.fromisoformat(text).astimezone(UTC)
        if (at + _EAST).time().replace(tzinfo=None) == datetime.min.time():
            moved = at + (_midnight(_BEGAN) - _midnight(self._began_at))
        else:
            passed = at - self._began_at
            moved = _BEGAN + round(passed / _STEP) * _STEP
        return moved.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _date(self, text: str) -> str:
        day = datetime.fromisoformat(f"{text}T00:00:00+08:00")
        return (day + (_midnight(_BEGAN) - _midnight(self._began_at)) + _EAST).strftime("%Y-%m-%d")


def _midnight(at: datetime) -> datetime:
    """Return when the day of the shop's zone began that an instant is in."""
    there = at + _EAST
    return there.replace(hour=0, minute=0, second=0, microsecond=0) - _EAST


def _content_of(answer: Any) -> tuple[str, object]:  # noqa: ANN401 (Django's test response)
    """Return the media type of an answer and what it says; nothing of one without a body."""
    content = answer.getvalue()  # of a stream as well
    if not content:
        return "", None
    media_type = answer.headers["Content-Type"].partition(";")[0]
    is_json = media_type.endswith("json")
    return media_type, json.loads(content) if is_json else content.decode()


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


def bodies(examples: Mapping[str, Any]) -> Iterator[tuple[str, str, object]]:
    """Yield the examples of one operation: `request` or a status, the name, the body."""
    for name, body in examples["requests"].items():
        yield "request", name, body
    for status, answers in examples["responses"].items():
        for name, body in answers.items():
            yield status, name, body
