"""A whole service in one test: web server, Celery worker, real Cog server, committed rows."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from config.celery import app, queues
from tests import factories
from tests.flows.story import Story
from tests.gpu.cog_server import CogServer
from tests.working import start_worker


@pytest.fixture(scope="session")
def cog() -> Iterator[CogServer]:
    """The real Cog server with the demo predictor; it starts again if a test has killed it."""
    server = CogServer(slots=2).start()
    yield server
    server.close()


@pytest.fixture
def story(
    transactional_db: None, live_server: LiveServer, cog: CogServer, settings: Settings
) -> Iterator[Story]:
    """Everything runs: what a test does arrives over HTTP, and is done by a worker."""
    entry = cog.settings("kling-v1-6", "kling-v2-6") | {"absent_grace_seconds": 1}
    settings.BACKENDS = {"demo": entry}
    settings.BACKEND_WEBHOOK_BASE_URL = live_server.url
    settings.PUBLIC_URL = live_server.url
    factories.publish_kling()
    app.loader.import_default_modules()
    app.control.purge()
    with start_worker(
        app, pool="threads", concurrency=4, perform_ping_check=False, queues=queues()
    ):
        yield Story(name="ada", cog=cog)
