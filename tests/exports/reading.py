"""Asks for tables as their owner does, and reads them as a careful program does."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from django.test import Client

from billing.accounts import tokens

LEDGER = "/v1/exports/ledger.csv"
USAGE = "/v1/exports/usage.csv"


def asked(path: str, name: str = "ada", **headers: str) -> Any:  # noqa: ANN401 (Django's test response)
    """Ask for a table as a person of the sandbox."""
    now = datetime.now(UTC)
    token = tokens.sign(name, lifetime=timedelta(hours=1), is_sandbox=True, now=now)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(raise_request_exception=False).get(
        path, headers={"Authorization": f"Bearer {token}", **named}
    )


def text_of(answer: Any) -> str:  # noqa: ANN401 (as above)
    """Return all that an answer streams."""
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def rows_of(text: str) -> list[dict[str, str]]:
    """Return the rows of a table that has ended; one that was cut off is refused."""
    [head, *rows, last] = csv.reader(StringIO(text, newline=""), strict=True)
    assert last[:2] == ["end", str(len(rows))], "it was cut off"
    assert {len(row) for row in [head, *rows, last]} == {len(head)}
    return [dict(zip(head, row, strict=True)) for row in rows]


def table(path: str, name: str = "ada", **headers: str) -> list[dict[str, str]]:
    """Ask for a table and read it."""
    return rows_of(text_of(asked(path, name, **headers)))
