"""The example of docs/frontend: built by its own commands, and seen to do what it says."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from config.embedded.processes import spawn, stop
from tests.document import node
from tests.document.cut_stream import CutStream
from tests.document.test_clients import BIN, token_of
from tests.events.conftest import server
from tests.events.server import EventsServer
from tests.payments.peer.browser import CHROMIUM, Browser, browsing
from tests.stories.quick_cog import QuickCog

__all__ = ["server"]
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def frontend() -> Path:
    """The example, built as its README says."""
    folder = node.installed(node.FRONTEND)
    node.npm("run", "build", folder=folder)
    return folder


@pytest.fixture
def platform(
    vivid: QuickCog, live_server: LiveServer, server: EventsServer, settings: Settings
) -> str:
    """Where the platform of the examples answers; another process streams its events."""
    settings.EVENTS_URL = server.url
    return live_server.url


@pytest.fixture
def page(platform: str, frontend: Path, tmp_path: Path) -> Iterator[str]:
    """Where the page of the example is served for Ada, beside its API."""
    log = tmp_path / "serve.log"
    with log.open("wb") as said:
        process = spawn(
            [str(BIN / "node"), "serve.ts"],
            environment=node.environment()
            | {"API": platform, "PAGE_PORT": "0", "TOKEN": token_of("ada")},
            output=said,
            folder=frontend,
        )
    try:
        until(lambda: "#" in log.read_text())
        yield log.read_text().splitlines()[0]
    finally:
        stop(process)


@pytest.mark.flow
def test_a_video_is_ordered_and_followed_at_a_terminal(platform: str, frontend: Path) -> None:
    said = node.node(
        *("src/terminal.ts",), folder=frontend, API=platform, TOKEN=token_of("ada"), MODEL="vivid-1"
    ).splitlines()

    assert said[:2] == ["balance 30", "quote 5"]
    assert [line for line in said if line.startswith("status")][-1] == "status succeeded"
    assert "settlement 5" in said
    assert said[-2].startswith(f"video {platform}/v1/outputs/")
    assert said[-1] == "balance 25"


@pytest.mark.flow
def test_what_is_refused_is_said_at_a_terminal(platform: str, frontend: Path) -> None:
    with pytest.raises(AssertionError, match="refused invalid_spec: "):
        node.node(
            "src/terminal.ts", folder=frontend, API=platform, TOKEN=token_of("ada"), MODEL="none"
        )


def test_a_stream_that_is_cut_off_goes_on_after_what_was_heard(frontend: Path) -> None:
    stream = CutStream()
    script = (
        "const { follow } = await import('./src/events.ts');"
        f"for await (const one of follow('{stream.url}', 'token')) console.log(one.event);"
    )
    try:
        said = node.node("--input-type=module", "--eval", script, folder=frontend)
    finally:
        stream.close()

    assert said.splitlines() == ["status", "settlement"]
    assert stream.heard == ["", "1", "1"]


@pytest.mark.flow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_a_browser_shows_the_balance_going_down(page: str, tmp_path: Path) -> None:
    with browsing(tmp_path / "browser") as browser:
        browser.go(page)
        until(lambda: shown(browser, "balance") == "30")
        browser.type("model", "vivid-1")
        browser.choose("quote")
        until(lambda: shown(browser, "price") == "5 credits")
        browser.choose("order")
        until(lambda: shown(browser, "cost") == "5 credits")

        film = "document.getElementById('film').src"
        until(lambda: "/v1/outputs/" in str(browser.run(film)))
        assert shown(browser, "balance") == "25"
        assert shown(browser, "status") == "succeeded"
        assert shown(browser, "trouble") == ""


def shown(browser: Browser, place: str) -> str:
    """Return what stands in a place of the page."""
    return str(browser.run(f"document.getElementById('{place}').textContent"))


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.05)
