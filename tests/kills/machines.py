"""The processes of a service that is killed all the time: only those that were started here.

Each start is a session of its own, and whoever is killed is looked up in it just before. To be
used from one thread only, the main one: what it starts ends with the thread that started it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import IO, Final

from config.embedded.environment import ROOT
from config.embedded.processes import spawn

_ORPHANS_LIVE_SECONDS: Final = 20.0
# Among the fields of /proc/PID/stat that stand behind the name.
_SESSION: Final = 3
_STARTED: Final = 19
_TCP_INODE: Final = 9


class Machine:
    """One program of the service."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: IO[bytes],
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
    ) -> None:
        """Be not started; without an environment, the harness's own is given.

        Args:
            folder: where it stands, and so whose code it runs.
        """
        self.name = name
        self.starts = 0
        self.is_frozen = False
        self._command = command
        self._log = log
        self._environment = environment
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._orphans: list[_Orphan] = []

    @property
    def pid(self) -> int:
        """Its first process, which is also its session."""
        assert self._process is not None, "start it first"
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether its first process runs, or is frozen."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, again too."""
        environment = dict(os.environ if self._environment is None else self._environment)
        environment["PYTHONUNBUFFERED"] = "1"
        self._process = spawn(
            self._command,
            environment=environment,
            output=self._log,
            folder=self._folder,
            last_word=signal.SIGKILL,  # a frozen one would not hear any other
        )
        self.starts += 1

    def mend(self) -> None:
        """Start it again if it has ended; end what a killed one left behind a while ago."""
        if not self.is_alive:
            self.start()
        for orphan in list(self._orphans):
            if time.monotonic() - orphan.since > _ORPHANS_LIVE_SECONDS:
                orphan.end()
                self._orphans.remove(orphan)

    def children(self) -> list[int]:
        """Return the processes of its session but the first."""
        return [pid for pid in _members(self.pid) if pid != self.pid]

    def kill_a_child(self, random: Random) -> bool:
        """Kill one of its children; return whether there was one."""
        children = self.children()
        if not children:
            return False
        return _kill(random.choice(children))

    def kill_parent(self) -> bool:
        """Kill its first process; its children stay behind, working, for a while."""
        if not self.is_alive:
            return False
        now = time.monotonic()
        self._orphans += [_Orphan(pid, _started(pid), now) for pid in self.children()]
        done = _kill(self.pid)
        assert self._process is not None
        self._process.wait()
        return done

    def kill_all(self) -> bool:
        """Kill it and its children as a crash of the machine does."""
        if not self.is_alive:
            return False
        _kill_group(self.pid)
        assert self._process is not None
        self._process.wait()
        return True

    def freeze(self) -> None:
        """Stop all of it in the middle of whatever it does."""
        os.killpg(self.pid, signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        """Let it go on as if no time had passed."""
        os.killpg(self.pid, signal.SIGCONT)
        self.is_frozen = False

    def has_port(self, port: int) -> bool:
        """Say whether a connection from this local port is one of its processes'."""
        inode = _inode_of(port)
        return inode != "" and any(inode in _sockets(pid) for pid in _members(self.pid))

    def leave(self, patience_seconds: float) -> None:
        """Ask it to finish what it has begun, and end it if it does not in time."""
        os.kill(self.pid, signal.SIGTERM)
        assert self._process is not None
        try:
            self._process.wait(timeout=patience_seconds)
        except subprocess.TimeoutExpired:
            self.end()

    def end(self) -> None:
        """End it and all that its former starts have left; a repeat changes nothing."""
        for orphan in self._orphans:
            orphan.end()
        self._orphans.clear()
        if self._process is not None and self.is_alive:
            _kill_group(self.pid)
            self._process.wait()


@dataclass(frozen=True, slots=True)
class _Orphan:
    """A process that a killed parent has left behind, and when it was started.

    Nobody of ours collects it: its number may belong to a stranger by the time it is to end.
    """

    pid: int
    started: str
    since: float

    def end(self) -> None:
        """Kill it, if it is still the one that it was."""
        if self.started and _started(self.pid) == self.started:
            _kill(self.pid)


def _started(pid: int) -> str:
    """Return when a process was started, in the kernel's count; "": there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[_STARTED]


def _members(session: int) -> list[int]:
    """Return the living processes of a session of ours."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue  # it has just ended
        if int(fields[_SESSION]) == session and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _kill_group(session: int) -> None:
    try:
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        return


def _inode_of(port: int) -> str:
    """Return the socket whose local end is this port of 127.0.0.1; "": there is none."""
    here = f"0100007F:{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == here and fields[_TCP_INODE] != "0":
            return f"socket:[{fields[_TCP_INODE]}]"
    return ""


def _sockets(pid: int) -> set[str]:
    found = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found.add(str(descriptor.readlink()))
            except OSError:
                continue  # closed meanwhile
    except OSError:
        return set()
    return found
