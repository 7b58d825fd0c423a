"""A server that speaks Cog's protocol and has its videos ready: it answers at once.

The demo backend draws for seconds and knows few models. A story orders dozens of videos from any
platform's catalog, so it is told from a server over the same wire that ends each prediction with
small real mp4s, as many as were ordered, and reports what it measured.
"""

import base64
import json
import subprocess
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import imageio_ffmpeg  # type: ignore[import-untyped]  # it ships no types

TOKEN = "a-token-of-the-quick-backend"


class QuickCog:
    """One server on loopback.

    Attributes:
        orders: the inputs of all predictions, in the order in which they came.
        metrics: what each prediction reports as measured, beside its time.
        makes: how many videos each prediction makes at most; None: as many as ordered.
        fails: what each prediction fails with; "": it succeeds.
        refuses: why it takes no order, as wrong input; "": it takes each.
    """

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.metrics: dict[str, float] = {}
        self.makes: int | None = None
        self.fails = self.refuses = ""
        self._goes = threading.Event()
        self._goes.set()
        self._video = _tiny_mp4()
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def settings(self) -> dict[str, object]:
        """Return the entry of BACKENDS that names this server: it makes every model."""
        return {
            "kind": "cog",
            "url": f"http://127.0.0.1:{self._server.server_address[1]}",
            "secret": TOKEN,
            "models": ["*"],
            "concurrency": 64,
            "sandbox": True,
            "resolve_inputs": False,  # it fetches nothing
        }

    def forget(self) -> None:
        """Be as new for the next story."""
        self.orders.clear()
        self.metrics = {}
        self.makes, self.fails, self.refuses = None, "", ""
        self.resume()

    def pause(self) -> None:
        """Take orders and end none of them until `resume`."""
        self._goes.clear()

    def resume(self) -> None:
        """End what waits, and what comes at once."""
        self._goes.set()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def end(self, prediction: str, order: dict[str, Any]) -> None:
        """Tell the webhook how the prediction has ended; nothing while the server pauses."""
        self._goes.wait()
        told: dict[str, Any] = {"id": prediction, "status": "succeeded"}
        count = int(order["input"].get("count", 1))
        made = count if self.makes is None else min(count, self.makes)
        if self.fails:
            told |= {"status": "failed", "error": self.fails}
        else:
            told["output"] = [f"data:video/mp4;base64,{self._video}"] * made
        told["metrics"] = {"predict_time": 1.5, **self.metrics}
        request = urllib.request.Request(  # noqa: S310 (the test's own loopback address)
            order["webhook"],
            data=json.dumps(told).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 (as above)


class _Handler(BaseHTTPRequestHandler):
    server_of: ClassVar[QuickCog]

    def do_PUT(self) -> None:
        """Take an order; it has ended before its sender looks up."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        order, prediction = json.loads(body), self.path.rsplit("/", 1)[1]
        if self.server_of.refuses:
            self._answer(422, {"detail": self.server_of.refuses})
            return
        self.server_of.orders.append(order["input"])
        self._answer(202, {"id": prediction, "status": "processing"})
        threading.Thread(target=self.server_of.end, args=(prediction, order), daemon=True).start()

    def do_GET(self) -> None:
        """Be ready."""
        self._answer(200, {"status": "READY", "version": {"coglet": "0.23.1"}})

    def do_POST(self) -> None:
        """Have nothing to cancel: everything has ended."""
        self._answer(404, {"detail": "Not found"})

    def log_message(self, *_words: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _tiny_mp4() -> str:
    """Return a real mp4 of a minute, longer than any that is ordered, in base64."""
    with tempfile.TemporaryDirectory(prefix="linggan-film-") as folder:
        path = Path(folder) / "film.mp4"
        subprocess.run(  # noqa: S603 (our own arguments)
            [
                *(imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi"),
                *("-i", "color=c=teal:s=64x36:r=1:d=60", "-pix_fmt", "yuv420p", str(path)),
            ],
            check=True,
        )
        return base64.b64encode(path.read_bytes()).decode()
