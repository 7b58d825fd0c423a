"""Each write, asked in the ways that no write may take: nothing happens, and it is said why."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.test import Client

from billing.http.parsing import BODY_BYTES_MAX, DEPTH_MAX
from billing.ids import new_id

STRANGER: Final = "no_such_member"
# What a model can be told is the catalog's business, so it is the catalog that refuses the rest.
OPEN: Final = frozenset({"/v1/jobs", "/v1/quotes"})


def challenge(
    client: Client, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> Iterator[str]:
    """Yield what is wrong with how a write refuses a body that means nothing, or two things."""
    whole = json.dumps(body)
    strange = json.dumps({**body, STRANGER: 1})
    deep = f'{{"{STRANGER}": {"[" * DEPTH_MAX}{"]" * DEPTH_MAX}}}'
    large = json.dumps({**body, STRANGER: "x" * BODY_BYTES_MAX})
    twice = f'{{"{STRANGER}": 1, "{STRANGER}": 1}}'
    asked = [
        (
            strange,
            "application/json",
            (422, "invalid_spec") if path in OPEN else (400, "malformed"),
        ),
        (twice, "application/json", (400, "malformed")),
        (deep, "application/json", (400, "malformed")),
        (large, "application/json", (413, "too_large")),
        (whole, "text/plain", (415, "unsupported_media_type")),
        (f"[{whole}]", "application/json", (400, "malformed")),
    ]
    for sent, media_type, wanted in asked:
        answer = client.generic(
            method.upper(),
            path,
            sent,
            content_type=media_type,
            headers={**headers, "Idempotency-Key": new_id("key")},
        )
        said = answer.json()
        if (answer.status_code, said["code"]) != wanted:
            yield f"{method} {path} {sent[:60]} {media_type}: {answer.status_code} {said}"
        elif sent == strange and said["errors"][0]["pointer"] != f"/{STRANGER}":
            yield f"{method} {path}: {said['errors']}"
