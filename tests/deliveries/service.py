"""The processes to which events are delivered: the API and two workers."""

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from config.celery import queues
from config.embedded import serve
from config.embedded.environment import nowhere
from config.embedded.processes import free_port
from tests.kills.machines import Machine
from tests.servers import UNLIMITED, Servers
from tests.stripe_peer.driver import Peer

_PYTHON: Final = sys.executable
_READY_SECONDS: Final = 300
_WORKERS: Final = 2


class Service:
    """The API and its workers, started and ended."""

    def __init__(self, folder: Path, port: int) -> None:
        logs = folder / "logs"
        logs.mkdir()
        self.port = port
        self._machines = [
            Machine("web", serve.web_command(port), log=(logs / "web.log").open("ab")),
            Machine(
                "scheduler",
                serve.scheduler_command(folder / "schedule"),
                log=(logs / "scheduler.log").open("ab"),
            ),
            *(
                Machine(f"worker{one}", _worker(one), log=(logs / f"worker{one}.log").open("ab"))
                for one in range(_WORKERS)
            ),
        ]

    def start(self) -> None:
        """Return when the API says that all is ready.

        Raises:
            TimeoutError: it does not say so in time.
        """
        for machine in self._machines:
            machine.start()
        ends_at = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if time.monotonic() > ends_at:
                raise TimeoutError("The service was not ready in time.")
            time.sleep(0.2)

    def end(self) -> None:
        """Kill all of it."""
        for machine in self._machines:
            machine.end()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False


def set_environment(folder: Path, servers: Servers, peer: Peer) -> int:
    """Set what this process and all of the service's read; return the API's port."""
    port = free_port()
    os.environ.update(nowhere())
    os.environ.update(
        DATABASE_URL=servers.postgres.url,
        REDIS_URL=servers.valkey.url,
        MEDIA_ROOT=str(folder / "media"),
        STATIC_ROOT=str(folder / "static"),
        PUBLIC_URL=f"http://127.0.0.1:{port}",
        STRIPE_SECRET_KEY=peer.key,
        STRIPE_WEBHOOK_SECRET=peer.secret,
        STRIPE_API_BASE=peer.url,
        LIMITS=UNLIMITED,
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    return port


def _worker(number: int) -> list[str | Path]:
    return [
        *(_PYTHON, "-m", "celery", "-A", "config.celery", "worker", "--loglevel", "WARNING"),
        *("--pool", "threads", "--concurrency", "4", "--queues", ",".join(queues())),
        *("--without-gossip", "--without-mingle", "--hostname", f"worker{number}@deliveries"),
    ]
