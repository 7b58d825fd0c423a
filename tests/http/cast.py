"""The cast of the edges' tests: a catalog in force, users, and how to call."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from billing.accounts import tokens
from plans.catalog import publish

Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def _static_files() -> None:
    """Make the folder that whitenoise looks for; these tests serve no file from it."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture
def now() -> datetime:
    """Return the present: tokens are checked against the edge's own clock."""
    return datetime.now(UTC)


@pytest.fixture
def catalog(db: None, now: datetime) -> None:
    """Put the default catalog in force: new accounts take its zone."""
    publish.publish(Path(settings.CATALOG), now=now)


@pytest.fixture
def ada(catalog: None, now: datetime) -> dict[str, str]:
    """Return the headers of a user."""
    return {"Authorization": f"Bearer {tokens.sign('ada', lifetime=timedelta(hours=1), now=now)}"}


@pytest.fixture
def bob(catalog: None, now: datetime) -> dict[str, str]:
    """Return the headers of another user."""
    return {"Authorization": f"Bearer {tokens.sign('bob', lifetime=timedelta(hours=1), now=now)}"}


@pytest.fixture
def post() -> Ask:
    """Return what posts JSON: `post("/v1/orders", ada, key="k", body={...})`."""
    client = Client(raise_request_exception=False)

    def ask(
        path: str,
        headers: dict[str, str],
        *,
        key: str | None = None,
        body: object = None,
        raw: bytes | None = None,
        **more: str,
    ) -> Any:  # noqa: ANN401 (Django's test response has no public type)
        named = {} if key is None else {"Idempotency-Key": key}
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return client.post(
            path,
            data=sent,
            content_type="application/json",
            headers={**headers, **named, **{k.replace("_", "-"): v for k, v in more.items()}},
        )

    return ask


@pytest.fixture
def get() -> Ask:
    """Return what gets: `get("/v1/whoami", ada)`."""
    client = Client(raise_request_exception=False)

    def ask(path: str, headers: dict[str, str] | None = None, **more: str) -> Any:  # noqa: ANN401 (as above)
        extra = {k.replace("_", "-"): v for k, v in more.items()}
        return client.get(path, headers={**(headers or {}), **extra})

    return ask
