"""A year of one subscriber: the figures of docs/a-year.md add up, and they are what comes of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.accounts.services import ensure_account
from billing.payments import services
from config.celery import app, queues
from plans.catalog import publish
from tests.payments.a_year import DOCS, Life, catalog, lines, number, reckoned
from tests.stories.conftest import quick_cog
from tests.stories.platform import Platform
from tests.stories.quick_cog import QuickCog
from tests.stripe_peer.driver import Peer
from tests.working import start_worker

__all__ = ["quick_cog"]
PAGE: Final = DOCS / "a-year.md"
CHINESE: Final = DOCS / "a-year.zh-CN.md"


def test_every_line_of_the_year_adds_up() -> None:
    year, before = lines(PAGE), number("")

    for line in year:
        for text in (line.came, line.went):
            assert number(text) == reckoned(text), line
        assert before + number(line.came) - number(line.went) == number(line.balance), line
        before = number(line.balance)

    assert len(year) > 25


def test_a_line_that_does_not_add_up_would_be_seen() -> None:
    wrong = "3*10 + 2*3*5 = 61"

    assert number(wrong) - reckoned(wrong) == 1
    assert reckoned("10") - number("10") == reckoned("") == 0


def test_both_languages_tell_the_same_year() -> None:
    assert catalog(PAGE) == catalog(CHINESE)
    assert [one.figures for one in lines(PAGE)] == [one.figures for one in lines(CHINESE)]


@pytest.fixture
def life(
    transactional_db: None,
    live_server: LiveServer,
    quick_cog: QuickCog,
    peer: Peer,
    settings: Settings,
) -> Iterator[Life]:
    """The shop of the page is open, and Ada has come. Workers work, and Stripe's events arrive."""
    quick_cog.forget()
    settings.BACKENDS = {"quick": quick_cog.settings()}
    settings.BACKEND_WEBHOOK_BASE_URL = settings.PUBLIC_URL = live_server.url
    app.loader.import_default_modules()
    app.control.purge()
    publish.publish(catalog(PAGE), now=datetime.now(UTC))
    services.sync_prices(now=datetime.now(UTC), is_dry=False)
    peer.listen(f"{live_server.url}/webhooks/stripe")
    ada = ensure_account("ada", zone="UTC", is_sandbox=True, now=datetime.now(UTC))
    with start_worker(
        app, pool="threads", concurrency=2, perform_ping_check=False, queues=queues()
    ):
        yield Life(Platform(user="ada", account=ada, service_key="", cog=quick_cog), peer)


@pytest.mark.flow
def test_the_year_is_lived_as_the_page_tells_it(life: Life) -> None:
    paid = number("")
    for line in lines(PAGE):
        life.go(line.when)
        life.do(line.does)

        balance, total = life.us.get("/v1/balance"), life.paid()
        assert number(balance["available"]) == number(line.balance), line
        assert life.moved() == (number(line.came), number(line.went)), line
        assert number(balance["debt"]) == number(line.owed), line
        assert total - paid == number(line.money), line
        assert life.stands() == line.stands, line
        assert life.letters() == line.letters, line
        paid = total

    life.us.audit()
