"""A server over raw sockets that misbehaves as told."""

import socket
import threading
import time
from collections.abc import Callable

Script = Callable[[socket.socket], None]


class Faulty:
    """Listens on loopback; each connection is played by the script."""

    def __init__(self, script: Script) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._script = script
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._script(connection)
            except OSError:
                return  # the other side had enough


def read_request(connection: socket.socket) -> bytes:
    """Return one request, head and body, as it came."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _blank, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _colon, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(status: str, body: bytes = b"", headers: str = "") -> Script:
    """Return a script that reads the request and answers so."""

    def play(connection: socket.socket) -> None:
        read_request(connection)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        connection.sendall(head.encode() + body)

    return play


def closes_at_once(connection: socket.socket) -> None:
    """Hang up without reading."""


def closes_after_the_request(connection: socket.socket) -> None:
    """Take the order and hang up: it may run, it may not."""
    read_request(connection)


def never_answers(connection: socket.socket) -> None:
    """Take the order and say nothing for a minute."""
    read_request(connection)
    time.sleep(60)


def talks_garbage(connection: socket.socket) -> None:
    """Answer in no known protocol."""
    read_request(connection)
    connection.sendall(b"\x00\xff\x00 good morning \r\n\r\n")


def drips(connection: socket.socket) -> None:
    """Send a byte of the head now and then: every single read is in time."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nX-Slow: ")
    for _byte in range(600):
        connection.sendall(b"a")
        time.sleep(0.1)


def floods(connection: socket.socket) -> None:
    """Answer with 100 MB."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 104857600\r\n\r\n")
    for _part in range(100):
        connection.sendall(b" " * 1048576)


def breaks_off(connection: socket.socket) -> None:
    """Promise 100 bytes and hang up after a few."""
    read_request(connection)
    connection.sendall(b'HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{"id":')
