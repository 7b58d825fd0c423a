"""A small real HTTP server that takes callbacks and remembers them."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Post:
    """One callback as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """What it says."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def is_final(self) -> bool:
        """Whether it tells the end of a prediction."""
        return self.json["status"] in ("succeeded", "failed", "canceled")


class Receiver:
    """Takes every POST on loopback with 200."""

    def __init__(self) -> None:
        self._posts: list[Post] = []
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                receiver._take(Post(self.path, dict(self.headers.items()), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True
        )
        self._thread.start()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def posts(self, path: str) -> list[Post]:
        """Return what has come at `path` so far, in order."""
        with self._came:
            return [post for post in self._posts if post.path == path]

    def wait_for(self, path: str, wanted: Callable[[Post], bool], seconds: float = 20) -> Post:
        """Return the first wanted callback at `path`, waiting for it if it has not come yet."""
        ends_at = time.monotonic() + seconds
        with self._came:
            while True:
                for post in self._posts:
                    if post.path == path and wanted(post):
                        return post
                left = ends_at - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"No such callback at {path} within {seconds} s.")
                self._came.wait(left)

    def wait_for_the_end(self, path: str, seconds: float = 20) -> Post:
        """Return the callback at `path` that tells the end of its prediction."""
        return self.wait_for(path, lambda post: post.is_final, seconds)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, post: Post) -> None:
        with self._came:
            self._posts.append(post)
            self._came.notify_all()
