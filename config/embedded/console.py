"""What a person in a terminal sees: steps while they happen, and sentences."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def step(name: str) -> Iterator[None]:
    """Show that `name` is being done, then how long it took."""
    began = time.monotonic()
    title = f"  {name} ".ljust(_NAME_WIDTH, ".") + " "
    with _turn:
        sys.stdout.write(title)
        sys.stdout.flush()
        _open_steps.append(title)
    ending = "not done"
    try:
        yield
        ending = f"{time.monotonic() - began:.1f} s"
    finally:
        with _turn:
            # Said again when another line has come between.
            sys.stdout.write(("" if _open_steps else title) + ending + "\n")
            sys.stdout.flush()
            _open_steps.clear()
