"""A platform in one test: its catalog loaded on an empty service, a worker, and a quick backend."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.accounts.models import Account
from billing.accounts.services import create_api_key
from config.celery import app, queues
from tests import factories
from tests.stories.platform import Platform
from tests.stories.quick_cog import QuickCog
from tests.working import start_worker

CATALOGS = Path(__file__).resolve().parents[2] / "plans" / "catalogs"
Open = Callable[..., Platform]


@pytest.fixture(scope="session")
def quick_cog() -> Iterator[QuickCog]:
    """The backend of all stories of one run."""
    server = QuickCog()
    yield server
    server.close()


@pytest.fixture
def opened(
    transactional_db: None, live_server: LiveServer, quick_cog: QuickCog, settings: Settings
) -> Iterator[Open]:
    """Return what opens a platform: `opened("sora-turbo")` loads that catalog as an operator."""
    quick_cog.forget()
    settings.BACKENDS = {"quick": quick_cog.settings()}
    settings.BACKEND_WEBHOOK_BASE_URL = live_server.url
    settings.PUBLIC_URL = live_server.url
    app.loader.import_default_modules()
    app.control.purge()

    def open_platform(catalog: str, *, user: str = "ada") -> Platform:
        call_command("load_catalog", str(CATALOGS / f"{catalog}.toml"), verbosity=0)
        _key, secret = create_api_key(
            "platform",
            [
                *("jobs:read", "jobs:write", "balance:read", "grants:write"),
                *("subscriptions:write", "accounts:write"),
            ],
            now=datetime.now(UTC),
            is_sandbox=True,
        )
        account: Account = factories.new_account(user)
        return Platform(user=user, account=account, service_key=secret, cog=quick_cog)

    with start_worker(
        app, pool="threads", concurrency=2, perform_ping_check=False, queues=queues()
    ):
        yield open_platform
