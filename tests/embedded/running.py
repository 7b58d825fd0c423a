"""`./run serve` in a process of its own, as somebody else starts it, and what he sees of it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from config.embedded.environment import ROOT
from config.embedded.processes import free_port, spawn, stop

# All else of our environment leads to the tests' own servers.
_KEPT: Final = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
_LAST_LINE: Final = "while curl"
_SCREEN: Final = re.compile(r"API=(?P<api>\S+) AUTH='Authorization: (?P<proof>Bearer \S+)'")


@dataclass(frozen=True)
class Served:
    """A service that is ready.

    Attributes:
        said: all that the terminal shows, up to the last line of the first video.
    """

    folder: Path
    process: subprocess.Popen[bytes]
    said: str

    def ask(self, path: str, body: dict[str, object] | None = None) -> Any:  # noqa: ANN401 (JSON)
        """Ask the API as the lines on the screen do; with a body it is a POST."""
        shown = _SCREEN.search(self.said)
        assert shown is not None, self.said
        request = urllib.request.Request(  # noqa: S310 (the address on the screen)
            shown["api"] + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": shown["proof"], "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 (as above)
            return json.load(answer)

    def manage(self, *words: str) -> str:
        """Run one of `./run manage`'s commands; return what it says."""
        done = subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "manage.py", "--embedded", *words],
            cwd=ROOT,
            env=_environment() | {"DATA_DIR": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def end(self, by: signal.Signals) -> str:
        """Send it a signal; return what it says at last, when all that it started has ended."""
        tree = _below(self.process.pid)
        self.process.send_signal(by)
        assert self.process.stdout is not None
        told = self.process.stdout.read().decode()
        self.process.wait()
        _wait_for_the_end_of(tree)
        return told


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve a data folder, new or not, on ports of its own; nothing is left when the block ends."""
    command = [sys.executable, "-m", "config.embedded", "serve", "--port", str(free_port())]
    process = spawn(
        [*command, "--data-dir", str(folder)],
        environment=_environment(),
        output=subprocess.PIPE,
        folder=ROOT,
    )
    with process:
        try:
            yield Served(folder, process, _screen(process))
        finally:
            stop(process, patience_seconds=60)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "LANG": "C.UTF-8"}  # what is told is looked for in English


def _screen(process: subprocess.Popen[bytes]) -> str:
    """Return what is shown until all is ready; serving itself gives up when that takes too long."""
    assert process.stdout is not None
    said = []
    for line in map(bytes.decode, process.stdout):
        said.append(line)
        if line.startswith(_LAST_LINE):
            return "".join(said)
    raise AssertionError("It did not start:\n" + "".join(said))


def _below(number: int) -> set[int]:
    """Return the processes that a process started, and those that they started, however deep."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(words[1])
    found = {number}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {number}


def _is_running(number: int) -> bool:
    """Whether the process runs: what waits for its parent to collect it does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait_for_the_end_of(tree: set[int]) -> None:
    for _beat in range(600):
        if not any(map(_is_running, tree)):
            return
        threading.Event().wait(0.05)
    left = {
        number: Path(f"/proc/{number}/cmdline").read_bytes() for number in filter(_is_running, tree)
    }
    for number in left:
        os.kill(number, signal.SIGKILL)
    raise AssertionError(f"These outlived it: {left}")
