"""A new operator at a desk of his own: a browser, a password, a device, and nothing but clicks.

The pictures are kept in `var/console`, to be looked at by people; with RECORD_STORIES=1 those of
the handbook's stories go there, to `docs/operations/stories`.
"""

import io
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from PIL import Image

from billing.operators import codes, services
from billing.operators.models import ActRecord
from billing.operators.roles import Role
from tests.payments.peer.browser import Browser

RECORDS: Final = os.environ.get("RECORD_STORIES") == "1"
HANDBOOK: Final = Path(settings.BASE_DIR) / "docs" / "operations" / "stories"
SHELF: Final = Path(settings.BASE_DIR) / "var" / "console"
WIDTH: Final = 1280
COLORS: Final = 192
BYTES_MAX: Final = 120_000
PATIENCE_SECONDS: Final = 30.0  # until a group of the sidebar has unfolded
# The things that a person can press, by what is written on them.
_FOUND: Final = """(said => [...document.querySelectorAll('a, button, h2, summary')]
    .filter(one => one.closest({within}) && one.getClientRects().length)
    .find(one => one.innerText.trim().split('\\n')[0].trim() === said))"""


class Album:
    """The pictures of a story, in the order in which they are seen, by whomever.

    Attributes:
        recorded: they are being made for the handbook.
    """

    def __init__(self, story: str, *, in_handbook: bool = True) -> None:
        self._story = story
        self._number = 0
        self.recorded = RECORDS and in_handbook

    def place(self, what: str) -> Path:
        """Return where the next picture is kept."""
        self._number += 1
        shelf = HANDBOOK if self.recorded else SHELF
        return shelf / self._story / f"{self._number:02}-{what}.png"


class Desk:
    """An operator in front of a browser of his own."""

    def __init__(self, browser: Browser, site: str, album: Album) -> None:
        self.browser, self.site, self.album = browser, site, album
        self.secret = codes.new_secret()
        self._heard = 0
        browser.resize(WIDTH, 800)

    def come_in(self, name: str, role: Role) -> None:
        """Be made an operator of this role, and sign in with a password and a device's code."""
        now = datetime.now(UTC)
        user, password = services.create_operator(name=name, roles=[role], now=now)
        services.enrol_with(operator=user, secret=self.secret, now=now)
        self.browser.go(f"{self.site}/admin/")
        self.browser.type("id_username", name)
        self.browser.type("id_password", password)
        self.browser.submit("login-form")
        self.browser.type("id_code", codes.code_at(self.secret, datetime.now(UTC)))
        self.browser.click("send")

    def prove(self) -> None:
        """Type the device's next code where one is asked for before an act goes on."""
        soon = datetime.now(UTC) + timedelta(seconds=codes.STEP_SECONDS)
        self.browser.type("id_confirming-code", codes.code_at(self.secret, soon))
        self.browser.click("send")

    def search(self, text: str) -> None:
        """Look for something with the box that stands on every page."""
        self.browser.run("document.querySelector('#search-aside [type=search]').id = 'look-for'")
        self.browser.type("look-for", text)
        self.browser.submit("search-aside")

    def press(self, said: str, *, within: str = "body", stays: bool = False) -> None:
        """Press what says so, in the part of the page that a selector names.

        Args:
            stays: it leads to no other page.
        """
        there = self.wait_for(said, within=within)
        self.browser.run(f"void ({there}.id ||= 'pressed-' + Math.random())")
        name = str(self.browser.run(f"{there}.id"))
        (self.browser.choose if stays else self.browser.click)(name)

    def wait_for(self, said: str, *, within: str = "body") -> str:
        """Wait until what says so is there; return the expression that finds it."""
        there = f"{_FOUND.replace('{within}', json.dumps(within))}({json.dumps(said)})"
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.browser.run(f"!!{there}"):
            assert time.monotonic() < end, (said, self.browser.text)
            time.sleep(0.05)
        return there

    def open(self, group: str, window: str) -> None:
        """Go to a window by the sidebar, whose group may have to be unfolded."""
        at = json.dumps("#nav-sidebar")
        shown = f"{_FOUND.replace('{within}', at)}({json.dumps(window)})"
        if not self.browser.run(f"!!{shown}"):
            self.press(group, within="#nav-sidebar", stays=True)
        self.press(window, within="#nav-sidebar")

    def act(self, said: str, *keys: str) -> None:
        """Mark the rows of these keys, choose the act that is called so, and run it."""
        for key in keys:
            row = f"document.querySelector('input[name=_selected_action][value=\"{key}\"]')"
            self.browser.run(f"void ({row}.id = 'row-{key}')")
            self.browser.choose(f"row-{key}")
        acts = "document.querySelector('select[name=action]')"
        option = f"[...{acts}.options].find(one => one.text.trim() === {json.dumps(said)})"
        self.browser.run(f"void ({acts}.value = {option}.value)")
        self.browser.run(f"{acts}.dispatchEvent(new Event('change'))")
        self.press("Run")

    def tick(self, name: str) -> None:
        """Switch the box of this name on or off."""
        self.browser.choose(f"id_{name}")

    def fill(self, **said: str) -> None:
        """Fill in the fields of these names; a choice is chosen by its value."""
        for name, text in said.items():
            field = f"document.getElementById('id_{name}')"
            if self.browser.run(f"{field}.tagName") == "SELECT":
                self.browser.run(f"{field}.value = {json.dumps(text)}")
            else:
                self.browser.type(f"id_{name}", text)

    def reads(self, thing: str) -> str:
        """Return what is written in the part of this id."""
        return str(self.browser.run(f"document.getElementById({json.dumps(thing)}).innerText"))

    def look(self, what: str, *, at: str = "", high: int = 800, status: int = 200) -> None:
        """See that nothing is wrong with the page, and that nobody's words ran; keep a picture.

        Args:
            at: a selector of what shall stand near the top; the page's own top, if none is said.
            high: how much of it is kept, in pixels.
            status: of the page; Chromium complains of each that is no success.
        """
        told = self.browser.complaints()
        new, self._heard = told[self._heard :], len(told)
        errors = [said for said in new if said.startswith("error")]
        errors = [said for said in errors if f"a status of {status} " not in said]
        assert errors == [], what
        assert "stolen" not in str(self.browser.run("document.title")), what
        path = self.album.place(what)
        self.browser.resize(WIDTH, high)
        place = f"document.querySelector({json.dumps(at)})" if at else "document.body"
        self.browser.run(f"void {place}.scrollIntoView({{block: 'start', behavior: 'instant'}})")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.browser.picture(path)
        if self.album.recorded:
            seen = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
            seen.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
            assert path.stat().st_size < BYTES_MAX, path
        self.browser.resize(WIDTH, 800)


Sit = Callable[[Album, str, Role], Desk]


def done() -> list[tuple[str, str, str]]:
    """Return what the record says was done: by whom, which act, and to what; the oldest first."""
    lines = ActRecord.objects.filter(outcome="done").order_by("at", "pk")
    return list(lines.values_list("operator__username", "act", "object_id"))
