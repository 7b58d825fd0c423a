"""What the tests of limits share: small quotas, one's own counters, and a Redis of one's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from billing.http import quotas
from billing.http.counting import Counter
from billing.http.quotas import Quota
from billing.ids import new_id
from config.embedded.binaries import find_valkey
from config.embedded.valkey import Valkey


def counter(text: str) -> Counter:
    """Return a quota of nobody else's."""
    return Counter("test", f"linggan:limit:{new_id('test')}", Quota.read(text))


def limit(settings: Settings, **classes: dict[str, list[str]]) -> None:
    """Let these quotas be in force, and no others."""
    none: dict[str, Any] = {name: {one: [] for one in quotas.SUBJECTS} for name in quotas.DEFAULTS}
    said = {name: {**none[name], **by_subject} for name, by_subject in classes.items()}
    settings.LIMITS = quotas.read({**none, **said})


def patient(url: str) -> str:
    """Return the address of a Redis for which a busy machine of tests waits; see redis-py."""
    return f"{url}?socket_timeout=30&socket_connect_timeout=30"


@pytest.fixture
def _patiently(settings: Settings) -> None:
    """Let nothing go uncounted because the machine is busy."""
    settings.REDIS_URL = patient(configured.REDIS_URL)


@pytest.fixture
def own_valkey(tmp_path: Path, settings: Settings) -> Iterator[Valkey]:
    """A Redis that counts for this test alone, and may be killed."""
    server = Valkey(tmp_path, find_valkey(), password="of-this-test", throw_away=True)
    server.start()
    settings.REDIS_URL = server.url
    assert server.url == configured.REDIS_URL
    yield server
    server.stop()
