"""The whole service in processes of its own, as `./run serve` starts it, with more workers."""

import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import imageio_ffmpeg  # type: ignore[import-untyped]  # it ships no types

from billing.gpu.demo import server as demo
from config.celery import queues
from config.embedded import serve
from config.embedded.environment import nowhere
from config.embedded.processes import free_port
from tests.kills.gate import Gate
from tests.kills.machines import Machine
from tests.servers import UNLIMITED, Servers

SLOTS: Final = 24
GRACE_SECONDS: Final = 10
_TOKEN: Final = "a-token-of-the-storm"
_PYTHON: Final = Path(sys.executable)
_READY_SECONDS: Final = 300  # a machine may have much else to do


@dataclass(frozen=True)
class Service:
    """What runs, and what was put in front of the Cog server.

    Attributes:
        grace_seconds: how long the backend must deny an attempt before it counts as lost.
    """

    folder: Path
    port: int
    servers: Servers
    gate: Gate
    web: Machine
    workers: Sequence[Machine]
    scheduler: Machine
    gpu: Machine
    grace_seconds: int = GRACE_SECONDS

    @property
    def machines(self) -> list[Machine]:
        """All that may be killed."""
        return [self.gpu, self.web, *self.workers, self.scheduler]

    @property
    def journal(self) -> Path:
        """What the predictor has written down."""
        return self.folder / "journal"

    def film_digest(self) -> str:
        """Return the SHA-256 of the one film that there is."""
        return hashlib.sha256((self.folder / "film.mp4").read_bytes()).hexdigest()

    def start(self) -> None:
        """Return when the API says that all is ready.

        Raises:
            TimeoutError: it does not say so in time.
        """
        for machine in self.machines:
            machine.start()
        self.gate.open()
        ends_at = time.monotonic() + _READY_SECONDS
        while not self.is_ready():
            if time.monotonic() > ends_at:
                raise TimeoutError("The service was not ready in time.")
            time.sleep(0.2)

    def end(self) -> None:
        """Kill all of it; the two servers go on."""
        self.gate.close()
        for machine in self.machines:
            machine.end()

    def is_ready(self) -> bool:
        """Say whether the API and Cog say that all is ready."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                pass
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.gate.port}/health-check", timeout=5
            ) as answer:
                return bool(json.load(answer)["status"] == "READY")
        except (urllib.error.URLError, OSError, ValueError):
            return False


def set_environment(folder: Path, servers: Servers, *, port: int, gate_port: int) -> None:
    """Set what this process and all of the service's read."""
    backend = {
        "kind": "cog",
        "url": f"http://127.0.0.1:{gate_port}",
        "secret": _TOKEN,
        "models": ["*"],
        "concurrency": SLOTS,
        "sandbox": True,
        "deadline_seconds": 120,
        "absent_grace_seconds": GRACE_SECONDS,
    }
    url = f"http://127.0.0.1:{port}"
    os.environ.update(nowhere())
    os.environ.update(
        DATABASE_URL=servers.postgres.url,
        REDIS_URL=servers.valkey.url,
        MEDIA_ROOT=str(folder / "media"),
        STATIC_ROOT=str(folder / "static"),
        PUBLIC_URL=url,
        BACKEND_WEBHOOK_BASE_URL=url,
        BACKENDS=json.dumps({"storm": backend}),
        LIMITS=UNLIMITED,
        DJANGO_SETTINGS_MODULE="config.settings",
    )


def compose(
    folder: Path,
    servers: Servers,
    *,
    port: int,
    cog_port: int,
    gate: Gate,
    workers: int,
    logs: Path | None = None,
) -> Service:
    """Return a service that is not started; of each three workers one has threads."""
    logs = logs or folder / "logs"
    logs.mkdir()

    def machine(name: str, command: Sequence[str | Path]) -> Machine:
        return Machine(name, command, log=(logs / f"{name}.log").open("ab"))

    argv, environment = demo.command(
        port=cog_port, token=_TOKEN, data_dir=folder / "gpu", slots=SLOTS
    )
    environment |= {
        "COG_PREDICT_TYPE_STUB": f"{Path(__file__).with_name('predictor.py')}:Predictor",
        "STORM_JOURNAL": str(folder / "journal"),
        "STORM_FILM": str(_film(folder / "film.mp4")),
    }
    gpu = Machine(
        "gpu", [argv[0], *argv[1:]], log=(logs / "gpu.log").open("ab"), environment=environment
    )
    return Service(
        folder=folder,
        port=port,
        servers=servers,
        gate=gate,
        web=machine("web", serve.web_command(port)),
        workers=[machine(f"worker{one}", worker_command(one)) for one in range(workers)],
        scheduler=machine("scheduler", serve.scheduler_command(folder / "schedule")),
        gpu=gpu,
    )


def free_ports() -> tuple[int, int]:
    """Return two different ports, for the API and for Cog."""
    first = free_port()
    while (second := free_port()) == first:
        pass
    return first, second


def worker_command(number: int, host: str = "storm") -> list[str | Path]:
    """Return how a worker of each queue is started; of each three one has threads."""
    pool, at_once = ("threads", 4) if number % 3 == 0 else ("prefork", 2)
    return [
        *(_PYTHON, "-m", "celery", "-A", "config.celery", "worker", "--loglevel", "WARNING"),
        *("--pool", pool, "--concurrency", str(at_once), "--queues", ",".join(queues())),
        *("--without-gossip", "--without-mingle", "--hostname", f"worker{number}@{host}"),
    ]


def _film(path: Path) -> Path:
    """Make the film that every order gets, once: a real mp4 of one second."""
    if path.exists():
        return path
    subprocess.run(  # noqa: S603 (our own arguments)
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi"),
            *("-i", "color=c=teal:s=64x36:r=1:d=10", "-pix_fmt", "yuv420p", str(path)),
        ],
        check=True,
    )
    return path
