"""Processes that never outlive the one that started them."""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_LEASH = Path(__file__).with_name("leash.py")


class CannotServe(Exception):
    """Something outside stands in the way; the message is one sentence for a person."""


@dataclass(frozen=True)
class User:
    """Whom a server runs as when root starts it: PostgreSQL refuses root, and rightly."""

    user_id: int
    group_id: int


def spawn(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    output: int | IO[Any] | None = None,
    typed_in: int | IO[Any] | None = subprocess.DEVNULL,
    user: User | None = None,
    keep_open: Sequence[int] = (),
    folder: Path = Path("/"),
    last_word: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, so that Ctrl-C reaches only its parent.

    Args:
        command: its first word is an absolute path.
        environment: all of it; by default the parent's.
        output: where both standard output and standard error go.
        typed_in: what it reads as standard input.
        user: whom it becomes; by default it stays who started it.
        keep_open: file descriptors that it inherits under the same numbers.
        folder: where it starts.
        last_word: the signal that it gets when the parent dies, however that happens.
    """
    whom = ("-", "-") if user is None else (str(user.user_id), str(user.group_id))
    leash = [sys.executable, "-IS", str(_LEASH), str(os.getpid()), str(int(last_word)), *whom]
    return subprocess.Popen(  # noqa: S603 (every command is built in this package)
        [*leash, *command],
        env=environment,
        stdin=typed_in,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        pass_fds=tuple(keep_open),
        cwd=folder,
        start_new_session=True,
    )


def stop(
    process: subprocess.Popen[bytes],
    *,
    by: signal.Signals = signal.SIGTERM,
    patience_seconds: float = 15,
) -> None:
    """End the process and everything of its session; a repeat changes nothing."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(timeout=patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    kill_session(process)
    process.wait()


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process's session, such as children that it forgot."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Say whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_port(port: int) -> None:
    """Refuse a port that this program cannot listen on.

    Raises:
        CannotServe: it is taken, or only root may use it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as refusal:
            if refusal.errno == errno.EADDRINUSE:
                reason = f"Port {port} is taken by another program"
            elif refusal.errno == errno.EACCES:
                reason = f"Port {port} needs more rights than this user has"
            else:
                reason = f"Port {port} cannot be used ({refusal.strerror})"
            raise CannotServe(
                f"{reason}; choose another, for example: ./run serve --port {port + 1000}"
            ) from None
