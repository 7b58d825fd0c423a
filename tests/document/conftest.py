"""A whole service for those who call it by the document: a worker, a quick backend, a Stripe."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.http import openapi
from billing.http.health import HEARTBEAT_KEY
from billing.payments import services as payments
from config.celery import app, queues
from plans.catalog import publish
from tests.payments.conftest import emulator, peer
from tests.stories.conftest import quick_cog
from tests.stories.quick_cog import QuickCog
from tests.stripe_peer.driver import Peer
from tests.working import start_worker

__all__ = ["emulator", "peer", "quick_cog"]
SHOP = Path(__file__).with_name("shop.toml")


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """Return the contract."""
    return openapi.document()


@pytest.fixture
def vivid(
    transactional_db: None,
    live_server: LiveServer,
    quick_cog: QuickCog,
    peer: Peer,
    settings: Settings,
) -> Iterator[QuickCog]:
    """The platform of the examples is open: workers work, and Stripe's events arrive."""
    quick_cog.forget()
    settings.BACKENDS = {"quick": quick_cog.settings()}
    settings.BACKEND_WEBHOOK_BASE_URL = settings.PUBLIC_URL = live_server.url
    settings.RETURN_HOSTS = ["app.example"]
    app.loader.import_default_modules()
    app.control.purge()
    publish.publish(SHOP, now=datetime.now(UTC))
    payments.sync_prices(now=datetime.now(UTC), is_dry=False)
    peer.listen(f"{live_server.url}/webhooks/stripe")
    cache.set(HEARTBEAT_KEY, int(datetime.now(UTC).timestamp()))
    with start_worker(
        app, pool="threads", concurrency=2, perform_ping_check=False, queues=queues()
    ):
        yield quick_cog
        peer.reset()  # it would go on telling, while the tables are emptied
