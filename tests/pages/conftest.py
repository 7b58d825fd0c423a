"""What the tests of pages stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.accounts.models import Account
from billing.outbox import gateway
from tests import factories
from tests.cast import kling
from tests.payments.conftest import emulator, peer
from tests.payments.peer.browser import Browser, browsing

__all__ = ["emulator", "kling", "peer"]


@pytest.fixture(autouse=True)
def _laid_out(
    request: pytest.FixtureRequest,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files are served as they lie, films kept for this test; a worker that is there is called."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.MEDIA_ROOT = str(tmp_path / "media")
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
    if "at_work" not in request.fixturenames:
        monkeypatch.setattr(gateway, "nudge", lambda _ring: None)


@pytest.fixture
def mei(kling: None) -> Account:
    """Mei, who can be moved through time."""
    return factories.new_account("mei")


@pytest.fixture
def site(live_server: LiveServer, settings: Settings) -> str:
    """Return where the pages are served over HTTP."""
    url: str = live_server.url
    settings.PUBLIC_URL = url
    return url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Somebody in front of a Chromium."""
    with browsing(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser
