"""The cast of the jobs' tests: Ada over REST, with a backend that nobody calls."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.accounts.services import create_api_key
from billing.ids import new_id
from billing.outbox import gateway
from tests import factories
from tests.cast import kling

__all__ = ["kling"]

Ask = Callable[..., Any]


@pytest.fixture
def ada(kling: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Ada has an account; a backend is configured, and no worker is called."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["kling-v1-6", "kling-v2-6", "m", "n"],
            "concurrency": 2,
        }
    }
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    return factories.new_account("ada", is_sandbox=False)


@pytest.fixture
def ask() -> Ask:
    """Return what calls the API as a user: `ask("post", "/v1/jobs", {...}, key="k")`."""
    client = Client(raise_request_exception=False)

    def call(
        method: str, path: str, body: object = None, *, name: str = "ada", key: str | None = None
    ) -> Any:  # noqa: ANN401 (Django's test response)
        token = tokens.sign(name, lifetime=timedelta(hours=1), now=datetime.now(UTC))
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or new_id("key")}
        content = {"data": body, "content_type": "application/json"} if method == "post" else {}
        return getattr(client, method)(path, headers=headers, **content)

    return call


@pytest.fixture
def serve(kling: None) -> Ask:
    """Return what calls the API as the platform's own server, for Ada."""
    client = Client(raise_request_exception=False)
    _key, secret = create_api_key(
        "platform",
        ["grants:write", "balance:read", "jobs:read", "accounts:write"],
        now=datetime.now(UTC),
    )

    def call(path: str, body: object, *, key: str | None = None, account: str = "ada") -> Any:  # noqa: ANN401 (as above)
        return client.post(
            path,
            body,
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {secret}",
                "Idempotency-Key": key or new_id("key"),
                "X-Account": account,
            },
        )

    return call
