"""Stands between one process and all that it talks to, counts its messages, and cuts one off.

One thread, while that process lives: what is counted is counted in one order.
"""

import os
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tests.faults.proxy.words import Message, Talk

_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset at once
_CHUNK: Final = 65536


class How(StrEnum):
    """What is cut off, and what becomes of the process."""

    BEFORE_RESET = "before it is sent, connection reset"
    BEFORE_KILL = "before it is sent, process killed"
    AFTER_RESET = "its answer, connection reset"
    AFTER_KILL = "its answer, process killed"

    @property
    def is_sent(self) -> bool:
        """Whether the message arrives."""
        return self in (How.AFTER_RESET, How.AFTER_KILL)

    @property
    def kills(self) -> bool:
        """Whether the process dies of it."""
        return self in (How.BEFORE_KILL, How.AFTER_KILL)


@dataclass(frozen=True, slots=True)
class Cut:
    """The one message that does not come through, counted from 0 on its link."""

    link: str
    number: int
    how: How


@dataclass
class Told:
    """What was seen of a process.

    Attributes:
        messages: by link the names of what it asked, in order.
        is_cut: whether it came as far as its cut.
        exit_code: how it ended; below 0: by that signal.
        is_late: whether it had to be ended, because it would not.
    """

    messages: dict[str, list[str]] = field(default_factory=dict)
    is_cut: bool = False
    exit_code: int = 0
    is_late: bool = False


@dataclass
class _Pair:
    """One connection: the process's end, the server's end, and what is on its way."""

    link: str
    near: socket.socket
    far: socket.socket
    talk: Talk
    open_answers: int = 0
    is_swallowing: bool = False


class Proxy:
    """A listener for each link; what comes there goes on to the link's server."""

    def __init__(self, links: Mapping[str, tuple[int, Callable[[], Talk]]]) -> None:
        """Listen, and serve nobody yet.

        Args:
            links: by name the server's port on this machine, and how one talks to it.
        """
        self._links = dict(links)
        self._doors = {name: socket.create_server(("127.0.0.1", 0)) for name in links}
        self._chosen = selectors.DefaultSelector()
        self._pairs: list[_Pair] = []
        self._told = Told()
        self._cut: Cut | None = None
        self._pid = 0

    def port(self, link: str) -> int:
        """Return where a link's messages are to be sent."""
        port: int = self._doors[link].getsockname()[1]
        return port

    def close(self) -> None:
        """Listen no more."""
        for door in self._doors.values():
            door.close()

    def accompany(self, pid: int, cut: Cut | None, *, patience_seconds: float) -> Told:
        """Serve a child of this process until it ends, but for `cut`; return what was seen."""
        self._told, self._cut, self._pid = Told({name: [] for name in self._links}), cut, pid
        ended = os.pidfd_open(pid)
        ends_at = time.monotonic() + patience_seconds
        with selectors.DefaultSelector() as self._chosen:
            self._chosen.register(ended, selectors.EVENT_READ)
            for name, door in self._doors.items():
                self._chosen.register(door, selectors.EVENT_READ, lambda n=name: self._accept(n))
            while not self._serve_once(ended):
                if time.monotonic() > ends_at:
                    self._told.is_late = True
                    signal.pidfd_send_signal(ended, signal.SIGKILL)
                    break
            for pair in list(self._pairs):
                self._close(pair)
        os.close(ended)
        _pid, status = os.waitpid(pid, 0)
        self._told.exit_code = os.waitstatus_to_exitcode(status)
        return self._told

    def forget_callers(self) -> None:
        """Hang up on what an earlier process has left at the doors; the next is not born yet."""
        for door in self._doors.values():
            door.settimeout(0)
            with suppress(BlockingIOError):
                while True:
                    door.accept()[0].close()
            door.settimeout(None)

    def _serve_once(self, ended: int) -> bool:
        """Do what is to be done now; return whether the process has ended."""
        ready = [key for key, _events in self._chosen.select(timeout=1)]
        for key in ready:
            if key.fileobj != ended and key.fd in self._chosen.get_map():
                key.data()
        # What it said last was read above, for it lay there before the end did.
        return any(key.fileobj == ended for key in ready)

    def _accept(self, link: str) -> None:
        near, _address = self._doors[link].accept()
        port, talk = self._links[link]
        try:
            far = socket.create_connection(("127.0.0.1", port))
        except OSError:
            near.close()
            return
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = _Pair(link, near, far, talk())
        self._pairs.append(pair)
        self._chosen.register(near, selectors.EVENT_READ, lambda: self._hear_asker(pair))
        self._chosen.register(far, selectors.EVENT_READ, lambda: self._hear_server(pair))

    def _hear_asker(self, pair: _Pair) -> None:
        data = _received(pair.near)
        if not data:
            self._close(pair)
            return
        for message in pair.talk.ask(data):
            if pair.is_swallowing or not self._pass_on(pair, message):
                return

    def _pass_on(self, pair: _Pair, message: Message) -> bool:
        """Send a message on, or cut it off; return whether its connection goes on."""
        names = self._told.messages[pair.link]
        names.append(message.name)
        is_cut = self._cut is not None and (self._cut.link, self._cut.number) == (
            pair.link,
            len(names) - 1,
        )
        if is_cut and self._cut is not None and not self._cut.how.is_sent:
            self._strike(pair)
            return False
        with suppress(OSError):
            pair.far.sendall(message.data)
        pair.open_answers += message.answers
        if is_cut:
            pair.is_swallowing = True
            if not pair.open_answers:
                self._strike(pair)
            return False
        return True

    def _hear_server(self, pair: _Pair) -> None:
        data = _received(pair.far)
        pair.open_answers -= pair.talk.answer(data)
        if pair.is_swallowing:
            if not data or pair.open_answers <= 0:
                self._strike(pair)
        elif not data:
            self._close(pair)
        else:
            with suppress(OSError):
                pair.near.sendall(data)

    def _strike(self, pair: _Pair) -> None:
        assert self._cut is not None, "there is something to strike"
        self._told.is_cut = True
        if self._cut.how.kills:
            os.kill(self._pid, signal.SIGKILL)
        pair.near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._close(pair)

    def _close(self, pair: _Pair) -> None:
        self._pairs.remove(pair)
        for one in (pair.near, pair.far):
            self._chosen.unregister(one)
            one.close()


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(_CHUNK)
    except OSError:
        return b""
