"""Operators in front of the console, and Ada, whose affairs they look into."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.operators.roles import Role
from billing.outbox import gateway
from tests.cast import ada, kling
from tests.console.desk import Album, Desk, Sit
from tests.matrix.operators import SUPPORT, operator_of, signed_in
from tests.payments.peer.browser import browsing

__all__ = ["ada", "kling"]


@pytest.fixture(autouse=True)
def _laid_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are served as they lie, the console's own name is told, and no worker is called."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["kling-v1-6", "m"],
            "concurrency": 2,
            "sandbox": True,
        }
    }
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)


@pytest.fixture
def sue(db: None) -> Client:
    """Return the browser of Sue, who does support."""
    return signed_in(operator_of(SUPPORT))


@pytest.fixture
def sit(tmp_path: Path, live_server: LiveServer) -> Iterator[Sit]:
    """Return what makes an operator and leads him in, each in a browser of his own."""
    with contextlib.ExitStack() as open_browsers:

        def come(album: Album, name: str, role: Role) -> Desk:
            browser = open_browsers.enter_context(browsing(tmp_path / name))
            desk = Desk(browser, live_server.url, album)
            desk.come_in(name, role)
            return desk

        yield come
