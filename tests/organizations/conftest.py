"""The cast of organizations' tests: Ada founds a studio, Ben and Cleo belong to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts import tokens
from billing.accounts.members import Organization
from billing.ids import new_id
from billing.outbox import gateway
from tests.organizations import studio

Ask = Callable[..., Any]


@pytest.fixture
def _away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend is configured, and no worker is called."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["m"],
            "concurrency": 50,
            "sandbox": True,
        }
    }
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)


@pytest.fixture
def team(db: None, _away: None) -> Organization:
    """A studio of Ada (owner), Ben (billing admin) and Cleo (member); its pool is empty."""
    studio.open_shop()
    return studio.found()


@pytest.fixture
def ask() -> Ask:
    """Return what calls the API as a person: `ask("ben", "post", "/v1/jobs", {...}, team=t)`."""
    client = Client(raise_request_exception=False)

    def call(
        name: str,
        method: str,
        path: str,
        body: object = None,
        *,
        team: Organization | None = None,
        key: str | None = None,
    ) -> Any:  # noqa: ANN401 (Django's test response)
        now = datetime.now(UTC)
        token = tokens.sign(name, lifetime=timedelta(hours=1), is_sandbox=True, now=now)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or new_id("key")}
        if team is not None:
            headers["X-Organization"] = team.pk
        content = {} if method == "get" else {"data": body, "content_type": "application/json"}
        return getattr(client, method)(path, headers=headers, **content)

    return call
