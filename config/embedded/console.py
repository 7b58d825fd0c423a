"""What a person in a terminal sees: steps while they happen, and sentences."""

import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from config.embedded.speech import gettext as _

_NAME_WIDTH = 34
_turn = threading.RLock()  # the listeners of the logs talk too
_open_steps: list[str] = []


def say(line: str = "") -> None:
    """Print one line at once, also in the middle of a step."""
    with _turn:
        if _open_steps:
            sys.stdout.write("\n")
            _open_steps.clear()
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def complain(sentence: str) -> None:
    """Print one sentence where errors go."""
    sys.stdout.flush()
    sys.stderr.write(f"linggan: {sentence}\n")
    sys.stderr.flush()


def padded(text: str, columns: int, by: str = " ") -> str:
    """Return a text that takes up so many columns of a terminal; a Chinese character takes two."""
    taken = sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
    return text + by * (columns - taken)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Show that `name` is being done, then how long it took."""
    began = time.monotonic()
    title = padded(f"  {name} ", _NAME_WIDTH, ".") + " "
    with _turn:
        sys.stdout.write(title)
        sys.stdout.flush()
        _open_steps.append(title)
    ending = _("not done")
    try:
        yield
        ending = f"{time.monotonic() - began:.1f} s"
    finally:
        with _turn:
            # Said again when another line has come between.
            sys.stdout.write(("" if _open_steps else title) + ending + "\n")
            sys.stdout.flush()
            _open_steps.clear()
