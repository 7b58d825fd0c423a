"""A real Chromium, led over its debugging pipe: no package is needed for that."""

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
# What a key is called, its number, and what it types.
KEYS: Final = {
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    "Space": (" ", 32, " "),
    "Down": ("ArrowDown", 40, ""),
}
_SHIFT: Final = 8
_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)
_PATIENCE_SECONDS: Final = 180.0
_SPARE: Final = 10  # descriptors from here on are nobody's
_CHUNK_BYTES: Final = 65_536
_PHONE_PIXELS_MAX: Final = 600


class Browser:
    """One tab of a Chromium that somebody sits in front of."""

    def __init__(self, into: int, out: int) -> None:
        self._into = into
        self._out = out
        self._numbers = itertools.count(1)
        self._rest = b""
        self._loaded = ""  # the page, by its loader, that was last there
        self._complaints: list[str] = []
        self._target = str(self._ask("Target.createTarget", url="about:blank")["targetId"])
        attached = self._ask("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session: str | None = attached["sessionId"]
        self._ask("Page.enable")
        self._ask("Page.setLifecycleEventsEnabled", enabled=True)
        self._ask("Log.enable")

    def go(self, url: str) -> None:
        """Open a page, and wait until it is there.

        This page, not the one before: that may just load itself again.
        """
        loader = self._ask("Page.navigate", url=url)["loaderId"]
        while self._loaded != loader:
            self._hear()

    def type(self, field: str, text: str) -> None:
        """Type a text into the field of this id, in place of what stands there."""
        self._click_at(field)
        self.run(f"document.getElementById({json.dumps(field)}).select()")
        self._ask("Input.insertText", text=text)

    def choose(self, choice: str) -> None:
        """Click a choice that leads nowhere yet."""
        self._click_at(choice)

    def click(self, thing: str) -> None:
        """Click what has this id, and wait for the page that it leads to."""
        with self._loading():
            self._click_at(thing)

    def strike(self, key: str, *, shifted: bool = False, leads: bool = False) -> None:
        """Press and let go a key: one of `KEYS`, or what it types.

        Args:
            leads: it leads to another page, which is waited for.
        """
        name, number, text = KEYS.get(key, (key, 0, key))
        with self._loading() if leads else contextlib.nullcontext():
            for kind in ("keyDown", "keyUp"):
                self._ask(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=name,
                    windowsVirtualKeyCode=number,
                    text=text if kind == "keyDown" else "",
                    modifiers=_SHIFT if shifted else 0,
                )

    def submit(self, form: str) -> None:
        """Send the form of this id, and wait for the page that it leads to."""
        with self._loading():
            self.run(f"document.getElementById({json.dumps(form)}).requestSubmit()")

    def be_wide(self, pixels: int) -> None:
        """Be as wide as a phone, or a desk's screen, from now on."""
        is_phone = pixels < _PHONE_PIXELS_MAX
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=pixels,
            height=844 if is_phone else 900,
            deviceScaleFactor=1,
            mobile=is_phone,
        )

    def be_lit(self, theme: str) -> None:
        """Have a system that is "light" or "dark", from now on."""
        wanted = {"name": "prefers-color-scheme", "value": theme}
        self._ask("Emulation.setEmulatedMedia", features=[wanted])

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self.run("location.href"))

    @property
    def text(self) -> str:
        """What can be read."""
        return str(self.run("document.body.innerText"))

    def bring(self, cookie: str, value: str, url: str) -> None:
        """Have a cookie for the pages below this address."""
        self._ask("Network.setCookie", name=cookie, value=value, url=url)

    def complaints(self) -> list[str]:
        """Return what the browser itself has found wrong with the pages until now."""
        self.run("0")  # what was told before its answer is heard before it
        return list(self._complaints)

    def picture(self, place: Path, *, whole: bool = False) -> None:
        """Keep what can be seen; the whole page, if so said."""
        seen = self._ask("Page.captureScreenshot", captureBeyondViewport=whole)
        place.write_bytes(base64.b64decode(seen["data"]))

    def resize(self, width: int, height: int) -> None:
        """Look through a window of this size."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._ask("Emulation.setScrollbarsHidden", hidden=True)

    def run(self, script: str) -> object:
        """Return what an expression of the page is."""
        told = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"])
        value: object = told["result"].get("value")
        return value

    def _click_at(self, thing: str) -> None:
        place: Any = self.run(
            f"(e => {{ e.scrollIntoView(); const b = e.getBoundingClientRect();"
            f"return [b.x + b.width / 2, b.y + b.height / 2] }})"
            f"(document.getElementById({json.dumps(thing)}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._ask(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    @contextlib.contextmanager
    def _loading(self) -> Iterator[None]:
        before = self._loaded
        yield
        while self._loaded == before:
            self._hear()

    def _ask(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, object] = {"id": number, "method": method, "params": params}
        if getattr(self, "_session", None) is not None:
            message["sessionId"] = self._session
        os.write(self._into, json.dumps(message).encode() + b"\0")
        while (told := self._hear()).get("id") != number:
            pass
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']}")
        result: dict[str, Any] = told["result"]
        return result

    def _hear(self) -> dict[str, Any]:
        """Return the next message; one that a page has loaded is remembered.

        Only of the tab's own page, which is called as the tab is: not of a frame in it.
        """
        end = time.monotonic() + _PATIENCE_SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._out], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("Chromium says nothing.")
            part = os.read(self._out, _CHUNK_BYTES)
            if not part:
                raise RuntimeError("Chromium has ended.")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "Page.lifecycleEvent":
            told = message["params"]
            if told["name"] == "load" and told["frameId"] == self._target:
                self._loaded = told["loaderId"]
        if message.get("method") == "Log.entryAdded":
            entry = message["params"]["entry"]
            self._complaints.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")
        return message


@contextlib.contextmanager
def browsing(folder: Path, language: str = "en-US") -> Iterator[Browser]:
    """Sit down in front of a Chromium that knows nothing yet, and speaks a language."""
    assert CHROMIUM is not None, "it is looked for before"
    theirs_in, ours_out = map(_spared, os.pipe())
    ours_in, theirs_out = map(_spared, os.pipe())

    def wire() -> None:
        """Put the pipes where Chromium looks for them."""
        os.dup2(theirs_in, 3)
        os.dup2(theirs_out, 4)

    process = subprocess.Popen(  # noqa: S603 (the system's browser)
        [CHROMIUM, *_FLAGS, f"--user-data-dir={folder}", f"--accept-lang={language}"],
        preexec_fn=wire,  # noqa: PLW1509 (dup2 alone, and no other way to choose the numbers)
        pass_fds=(3, 4),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(ours_out, ours_in)
    finally:
        process.terminate()
        process.wait()
        os.close(ours_out)
        os.close(ours_in)


def _spared(descriptor: int) -> int:
    """Move a descriptor out of the way of 3 and 4."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _SPARE)
    os.close(descriptor)
    return moved
