"""One process tree: started in order, kept alive, stopped in reverse."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Protocol

from config.embedded.console import complain, say
from config.embedded.environment import ROOT, log_file
from config.embedded.processes import CannotServe, kill_session, spawn, stop

_LOOK_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 30.0
_STEADY_SECONDS = 60.0  # whoever lives that long has a clean record again
_SAY_AGAIN_SECONDS = 60.0
_KINDS_MAX = 100
PYTHON_TROUBLE: Final = re.compile(
    r'\b(WARNING|ERROR|CRITICAL)\b|"level": ?"(warning|error|critical)"'
    r"|^\S+Z (warning|error|critical) "
)
SERVER_TROUBLE: Final = re.compile(
    r"\b(FATAL|PANIC)\b(?!.*(is starting up|is shutting down|administrator command))|OOM"
)


class Part(Protocol):
    """What the supervisor keeps alive: a server of this package or a program."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its first process, running or ended."""

    def start(self, output: int | IO[Any] | None = None) -> None:
        """Start it, again too."""

    def stop(self) -> None:
        """End it; a repeat changes nothing."""


class Program:
    """A Python program of the service: the same command as in production."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        patience_seconds: float = 15,
    ) -> None:
        self._command = command
        self._environment = environment
        self._patience_seconds = patience_seconds
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The program's first process."""
        assert self._process is not None, "start it first"
        return self._process

    def start(self, output: int | IO[Any] | None = None) -> None:
        """Start the program; whether it is ready is asked elsewhere."""
        environment = dict(os.environ if self._environment is None else self._environment)
        environment["PYTHONUNBUFFERED"] = "1"
        self._process = spawn(self._command, environment=environment, output=output, folder=ROOT)

    def stop(self) -> None:
        """End the program and whatever it has started."""
        if self._process is not None:
            stop(self._process, patience_seconds=self._patience_seconds)


class _Watched:
    """A part, its log, and how it has behaved."""

    def __init__(self, name: str, part: Part, trouble: re.Pattern[str]) -> None:
        self.name = name
        self.part = part
        self.trouble = trouble
        self.started_at = 0.0
        self.wait_seconds = 1.0
        self.start_again_at: float | None = None


class Supervisor:
    """Starts parts, starts crashed ones again, and leaves none behind."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._watched: list[_Watched] = []
        self._quiet = threading.Event()

    def start(self, name: str, part: Part, trouble: re.Pattern[str] = PYTHON_TROUBLE) -> None:
        """Start a part and keep it alive from now on; its output goes to `logs/NAME.log`."""
        watched = _Watched(name, part, trouble)
        self._watched.append(watched)
        self._start(watched)

    def look(self) -> None:
        """Wait a moment, then start again whoever has crashed and has waited its time."""
        threading.Event().wait(_LOOK_SECONDS)
        for watched in self._watched:
            now = time.monotonic()
            if watched.start_again_at is None:
                if watched.part.process.poll() is not None:
                    self._take_note(watched, now)
            elif now >= watched.start_again_at:
                watched.start_again_at = None
                try:
                    self._start(watched)
                except CannotServe as refusal:
                    complain(str(refusal))
                    self._take_note(watched, time.monotonic())

    def stop(self) -> None:
        """End all parts, the youngest first; a second Ctrl-C kills them at once."""
        self._quiet.set()  # what dying processes complain about is of no interest
        try:
            for watched in reversed(self._watched):
                watched.part.stop()
        except KeyboardInterrupt:
            for watched in self._watched:
                kill_session(watched.part.process)
        self._watched.clear()

    def _start(self, watched: _Watched) -> None:
        reading, writing = os.pipe()
        listener = threading.Thread(
            target=self._listen, args=(watched, reading), name=f"log-{watched.name}", daemon=True
        )
        listener.start()
        watched.started_at = time.monotonic()
        try:
            watched.part.start(writing)
        finally:
            os.close(writing)

    def _take_note(self, watched: _Watched, now: float) -> None:
        """Say that a part has ended, and set when it starts again: later each time."""
        if now - watched.started_at > _STEADY_SECONDS:
            watched.wait_seconds = 1.0
        watched.start_again_at = now + watched.wait_seconds
        code = watched.part.process.returncode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        kill_session(watched.part.process)
        say(
            f"[{watched.name}] has ended ({how}); starting it again in {watched.wait_seconds:.0f} s"
            f" (its log: {self._logs / watched.name}.log)"
        )
        watched.wait_seconds = min(_LONGEST_WAIT_SECONDS, 2 * watched.wait_seconds)

    def _listen(self, watched: _Watched, reading: int) -> None:
        """Copy what a part says to its log, and what sounds like trouble to the console."""
        said_at: dict[str, float] = {}
        with os.fdopen(reading, "rb") as lines, log_file(self._logs, watched.name) as log:
            for line in lines:
                with contextlib.suppress(OSError):  # a full disk must not end those who talk
                    log.write(line)
                text = line.decode(errors="replace").rstrip()
                if self._quiet.is_set() or not watched.trouble.search(text):
                    continue
                now = time.monotonic()
                kind = re.sub(r"[0-9a-f]*\d[0-9a-f]*", "#", text)  # times and ids differ each time
                if now - said_at.get(kind, -_SAY_AGAIN_SECONDS) >= _SAY_AGAIN_SECONDS:
                    if len(said_at) > _KINDS_MAX:
                        said_at.clear()
                    said_at[kind] = now
                    say(f"[{watched.name}] {text}")
