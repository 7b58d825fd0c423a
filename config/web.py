"""Who is let in, in which line he stands, and how a web process ends.

Whoever got through to a process that ends is answered, and nobody else gets through.
"""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.workers import gthread  # type: ignore[import-untyped]  # ships no types

# With what ends the path: the proxy counts who asks for these two, not for /healthz/../v1/quotes.
_PROBES: Final = (b"GET /healthz ", b"GET /healthz?", b"GET /readyz ", b"GET /readyz?")
_PROBES_AT_ONCE: Final = 2
_HEAD_BYTES: Final = 4096
_BODIES: Final = (b"content-length:", b"transfer-encoding:")
_HESITATION_SECONDS: Final = 0.002
_UNHESITATING_SECONDS: Final = 0.05
_LOOK: Final = socket.MSG_PEEK | socket.MSG_DONTWAIT


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # as above
    """Gunicorn's threads, with a line of its own for probes and a door that closes.

    In the one line of gunicorn's threads a probe stands behind all who wait for a slow database:
    the process looks dead where it only has much to do, and is killed for it.

    Told to end, it takes in who stands at the door, and closes it. Gunicorn's own keeps the door
    open until its last answer is given and lets nobody in: the kernel goes on to accept, and resets
    all of them at the end. A client cannot tell that from an answer that was lost. Refused at the
    door, he knows that nothing has happened.
    """

    _hesitates_from = 0.0  # of time.monotonic

    def init_process(self) -> None:
        """Work until told to end."""
        self._probes = ThreadPoolExecutor(_PROBES_AT_ONCE, thread_name_prefix="probe")
        try:
            super().init_process()
        finally:
            self._probes.shutdown(wait=False)

    def accept(self, listener: socket.socket) -> None:
        """Let somebody in; a process with a connection for each thread lets its neighbours first.

        Whoever wakes first lets in all who stand at the door, and a kept connection stays where it
        is: sixteen clients would be served by one process, and the other would sleep. It is for a
        moment only: where all have their hands full, nobody's turn comes later by much.
        """
        is_full = self.alive and self.nr_conns >= self.cfg.threads
        if is_full and self.cfg.workers > 1 and time.monotonic() >= self._hesitates_from:
            time.sleep(_HESITATION_SECONDS)  # noqa: TID251 (until a neighbour is awake)
            self._hesitates_from = time.monotonic() + _UNHESITATING_SECONDS
        super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401 (gunicorn's own, without types)
        """Give a request to the threads of its line; who has said nothing yet takes none."""
        begun = _begun(conn.sock)
        if begun is None and self.alive and not conn.initialized and not conn.data_ready:
            self._listen_to(conn)
            return
        line = self._probes if begun and _is_probe(begun) else self.tpool
        done = line.submit(self.handle, conn)
        done.add_done_callback(
            lambda ended: self.method_queue.defer(self.finish_request, conn, ended)
        )

    def _listen_to(self, conn: Any) -> None:  # noqa: ANN401 (as above)
        """Come back when the first word is there, as gunicorn does where none comes at once."""
        conn.sock.settimeout(0)
        conn.timeout = time.monotonic() + gthread.DEFAULT_WORKER_DATA_TIMEOUT
        self.pending_conns.append(conn)
        first_word = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, EVENT_READ, first_word)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 (gunicorn's own signature)
        """Accept or do not, as gunicorn's; when it ends, those first whom the kernel has let in."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self._close_the_door()

    def _close_the_door(self) -> None:
        for listener in self.sockets:
            before: Any = None
            while before != self.nr_conns:
                before = self.nr_conns
                with contextlib.suppress(OSError):
                    self.accept(listener)
            listener.close()


def _is_probe(begun: bytes) -> bool:
    """Say whether it is a whole question of a probe: half of one would keep its thread waiting."""
    head, end, _rest = begun.lower().partition(b"\r\n\r\n")
    return begun.startswith(_PROBES) and bool(end) and not any(one in head for one in _BODIES)


def _begun(sock: Any) -> bytes | None:  # noqa: ANN401 (a socket, or one of TLS)
    """Return how what somebody says begins, without hearing it; None: he has said nothing."""
    try:
        begun: bytes = sock.recv(_HEAD_BYTES, _LOOK)
    except BlockingIOError:
        return None
    except (OSError, ValueError):  # gone, which shows when it is read; TLS shows nothing before
        return b""
    return begun
