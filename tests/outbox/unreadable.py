"""Entries of a queue that are no message of ours, from no JSON at all to a task that nobody has."""

import json
from typing import Any, Final

from billing.outbox.names import TaskName

_MORE_THAN_THREADS: Final = 6  # what stays in a worker's hand is seen when none is left


def _ours(number: int, body: str = "W1tdLCB7fSwge31d", **headers: str) -> bytes:
    """Return an entry that names a task of ours, which Celery takes before it finds it wrong."""
    return _posted(
        body=body,
        headers={"task": TaskName.DISPATCH_JOB.value, **headers},
        properties={
            "body_encoding": "base64",
            "correlation_id": "1",
            "delivery_info": {"exchange": "", "routing_key": "dispatch"},
            "delivery_tag": f"ours-{number}",
        },
    )


def _posted(**changes: Any) -> bytes:  # noqa: ANN401 (JSON)
    """Return an entry as Celery writes it, but for these parts."""
    message: dict[str, Any] = {
        "body": "W1tdLCB7fSwge31d",  # [[], {}, {}]
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "no.such.task", "id": "1", "argsrepr": "()"},
        "properties": {
            "body_encoding": "base64",
            "correlation_id": "1",
            "delivery_info": {"exchange": "", "routing_key": "dispatch"},
            "delivery_tag": "tag-1",
        },
    }
    return json.dumps(message | changes).encode()


ENTRIES: Final[dict[str, bytes]] = {
    "nothing": b"",
    "bytes": b"\x00\xff garbage",
    "no facts": b"{}",
    "a list": b"[1, 2]",
    "a number": b"7",
    "no delivery": json.dumps({"body": "!!!", "headers": {}, "properties": {}}).encode(),
    "no properties": _posted(properties=None),
    "no headers": _posted(headers=None),
    "other headers": _posted(headers={"x": 1}),
    "a body that is no base64": _posted(body="a"),
    "a body that is no JSON": _posted(body="e30w"),
    "a body of another form": _posted(body="e30="),
    "another type": _posted(**{"content-type": "application/x-python-serialize"}),
    "an unknown task": _posted(),
    "a number that is none": b'{"body": {"__type__": "decimal", "__value__": "x"}}',
    "a charset that nobody has": _posted(**{"content-encoding": "no-such-charset"}),
    "too deep": b"[" * 100_000,
}
for _number in range(_MORE_THAN_THREADS):
    ENTRIES[f"ours without an id, {_number}"] = _ours(_number)
    ENTRIES[f"ours with a number for a body, {_number}"] = _ours(
        _MORE_THAN_THREADS + _number, body="NQ==", lang="py", id="1", argsrepr="()"
    )
OURS: Final = [entry for name, entry in ENTRIES.items() if name.startswith("ours ")]
