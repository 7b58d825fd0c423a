"""A new operator at a desk of his own: a browser, a password, a device, and nothing but clicks.

With RECORD_STORIES=1 the pictures go into the handbook, `docs/operations/stories`, else nowhere.
"""

import io
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.conf import settings
from PIL import Image

from billing.operators import codes, services
from billing.operators.roles import Role
from tests.payments.peer.browser import Browser

RECORDS: Final = os.environ.get("RECORD_STORIES") == "1"
HANDBOOK: Final = Path(settings.BASE_DIR) / "docs" / "operations" / "stories"
WIDTH: Final = 1280
COLORS: Final = 192
BYTES_MAX: Final = 120_000
PATIENCE_SECONDS: Final = 30.0  # until a group of the sidebar has unfolded
# The things that a person can press, by what is written on them.
_FOUND: Final = """(said => [...document.querySelectorAll('a, button, h2, summary')]
    .filter(one => one.closest({within}) && one.getClientRects().length)
    .find(one => one.innerText.trim().split('\\n')[0].trim() === said))"""


class Album:
    """The pictures of a story, in the order in which they are seen, by whomever."""

    def __init__(self, story: str) -> None:
        self._story = story
        self._number = 0

    def place(self, what: str) -> Path:
        """Return where the next picture is kept."""
        self._number += 1
        return HANDBOOK / self._story / f"{self._number:02}-{what}.png"


class Desk:
    """An operator in front of a browser of his own."""

    def __init__(self, browser: Browser, site: str, album: Album) -> None:
        self.browser, self.site, self.album = browser, site, album
        browser.resize(WIDTH, 800)

    def come_in(self, name: str, role: Role) -> None:
        """Be made an operator of this role, and sign in with a password and a device's code."""
        now = datetime.now(UTC)
        user, password = services.create_operator(name=name, roles=[role], now=now)
        secret = codes.new_secret()
        services.enrol_with(operator=user, secret=secret, now=now)
        self.browser.go(f"{self.site}/admin/")
        self.browser.type("id_username", name)
        self.browser.type("id_password", password)
        self.browser.submit("login-form")
        self.browser.type("id_code", codes.code_at(secret, datetime.now(UTC)))
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
        found = _FOUND.replace("{within}", json.dumps(within))
        there = f"{found}({json.dumps(said)})"
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.browser.run(f"!!{there}"):
            assert time.monotonic() < end, (said, self.browser.text)
            time.sleep(0.05)
        self.browser.run(f"void ({there}.id ||= 'pressed-' + Math.random())")
        name = str(self.browser.run(f"{there}.id"))
        (self.browser.choose if stays else self.browser.click)(name)

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

    def look(self, what: str, *, at: str = "", high: int = 800) -> None:
        """See that nothing is wrong with the page; keep a picture where the story is recorded.

        Args:
            at: a selector of what shall stand near the top; the page's own top, if none is said.
            high: how much of it is kept, in pixels.
        """
        complaints = [said for said in self.browser.complaints() if said.startswith("error")]
        assert [said for said in complaints if not said.endswith("/favicon.ico")] == [], what
        path = self.album.place(what)
        if not RECORDS:
            return
        self.browser.resize(WIDTH, high)
        place = f"document.querySelector({json.dumps(at)})" if at else "document.body"
        self.browser.run(f"void {place}.scrollIntoView({{block: 'start', behavior: 'instant'}})")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.browser.picture(path)
        seen = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
        seen.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
        assert path.stat().st_size < BYTES_MAX, path
        self.browser.resize(WIDTH, 800)
