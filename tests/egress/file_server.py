"""A server of files on the loopback that answers each path as it is told, and notes who came."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self

FILM: Final = b"a film" * 1000

Play = Callable[[socket.socket], None]


class FileServer:
    """Plays a script for each path; what has none is not found."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.plays: dict[str, Play] = {}
        self.requests: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._tls = tls
        self._open: list[socket.socket] = []

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    def url(self, path: str = "/film.mp4", host: str = "127.0.0.1") -> str:
        """Return the address of a path."""
        return f"http://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_problem: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            head = b""
            while b"\r\n\r\n" not in head:
                part = connection.recv(65536)
                if not part:
                    return
                head += part
            self.requests.append(head.decode("latin-1"))
            path = head.split(b" ")[1].decode()
            self.plays.get(path, saying("404 Not Found", b"no such file"))(connection)
            connection.shutdown(socket.SHUT_RDWR)


def saying(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> Play:
    """Return what answers so; `length` is what it claims, where that is not the truth."""

    def play(connection: socket.socket) -> None:
        claimed = len(body) if length is None else length
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {claimed}", *headers]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        connection.sendall(body)

    return play


def giving(body: bytes = FILM, *headers: str) -> Play:
    """Return what gives a file."""
    return saying("200 OK", body, *headers)


def leading(to: str, status: str = "302 Found") -> Play:
    """Return what redirects."""
    return saying(status, b"elsewhere", f"Location: {to}")


def flooding(connection: socket.socket) -> None:
    """Send for ever, and say no length."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def silent(connection: socket.socket) -> None:
    """Take the request, begin, and say nothing more."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
    connection.recv(1)  # until the other side leaves


def dripping(connection: socket.socket) -> None:
    """Send a byte now and then: no single wait is long."""
    connection.settimeout(0.05)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        with suppress(TimeoutError):
            if not connection.recv(1):
                return
        connection.sendall(b".")


def resetting(connection: socket.socket) -> None:
    """Say 200, send a little, and reset the connection."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegun")
    # Closed with nothing lingering: the kernel sends RST.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()
