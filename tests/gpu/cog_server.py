"""The real Cog server with the demo predictor, for tests: started, stopped, killed."""

import json
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.demo.server import command
from config.embedded.processes import free_port, kill_session, spawn, stop

if TYPE_CHECKING:
    from subprocess import Popen

_START_SECONDS = 30


class CogServer:
    """One demo backend on loopback; it keeps its address when it is started again."""

    def __init__(self, *, slots: int = 2) -> None:
        self.port = free_port()
        self.token = "a-token-of-the-demo-backend"
        self.slots = slots
        self._folder = tempfile.TemporaryDirectory(prefix="linggan-cog-")
        self._process: Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_path(self) -> Path:
        """What it has said."""
        return Path(self._folder.name) / "server.log"

    @property
    def pid(self) -> int:
        """Its first process, which is also its session."""
        assert self._process is not None
        return self._process.pid

    def settings(self, *models: str) -> dict[str, object]:
        """Return the entry of BACKENDS that names this server."""
        return {
            "kind": "cog",
            "url": self.base_url,
            "secret": self.token,
            "models": list(models),
            "concurrency": self.slots,
        }

    def backend(self) -> CogBackend:
        """Return an adapter that talks to this server."""
        return CogBackend(base_url=self.base_url, secret=self.token, concurrency=self.slots)

    def start(self) -> "CogServer":
        """Start it and wait until it is ready."""
        argv, env = command(
            port=self.port,
            token=self.token,
            data_dir=Path(self._folder.name) / "data",
            slots=self.slots,
        )
        with self.log_path.open("ab") as log:
            self._process = spawn(argv, environment=env, output=log)
        ends_at = time.monotonic() + _START_SECONDS
        while self._readiness() != "READY":
            if self._process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError(f"The Cog server did not start: {self.log_path.read_text()}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """End it as an operator does, with SIGTERM; a repeat changes nothing."""
        if self._process is not None:
            stop(self._process, patience_seconds=5)
            self._process = None

    def kill(self) -> None:
        """End it and its children as a crash of the machine does."""
        assert self._process is not None
        kill_session(self._process)
        self._process.wait()
        self._process = None

    def close(self) -> None:
        """Stop it and throw its folder away."""
        self.stop()
        self._folder.cleanup()

    def _readiness(self) -> str:
        try:
            with urllib.request.urlopen(  # noqa: S310 (our own http address)
                f"{self.base_url}/health-check", timeout=2
            ) as answer:
                return str(json.load(answer)["status"])
        except (urllib.error.URLError, OSError):
            return "DOWN"
