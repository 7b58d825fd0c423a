"""Servers of one's own that may be broken, and the processes that production starts on them."""

import http.client
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from django.db import connection

from billing.http.health import HEARTBEAT_KEY
from config.embedded import secrecy
from config.embedded.binaries import find_valkey
from config.embedded.processes import free_port
from config.embedded.valkey import Valkey
from tests.kills.machines import Machine
from tests.standbys import Standby

_ROOT: Final = Path(__file__).parents[2]
_UP_SECONDS: Final = 120  # a machine may have much else to do


class Place:
    """A promoted copy of the test's own database server, a broker, and what runs on them."""

    def __init__(self, folder: Path, *, primary_url: str, database: str) -> None:
        self.folder = folder
        self.postgres = Standby(folder / "postgres", primary_url=primary_url)
        password = secrecy.make()["valkey_password"]
        self.valkey = Valkey(folder / "valkey", find_valkey(), password=password, throw_away=True)
        self._database = database
        self._machines: list[Machine] = []
        self._logs = ExitStack()

    def start(self) -> None:
        """Return when both servers answer; the database follows the test's own until promoted."""
        with (self.folder / "servers.log").open("ab") as log:
            self.postgres.start(log)
            self.valkey.start(log)

    @property
    def environment(self) -> dict[str, str]:
        """What a process on these servers is told."""
        return {
            **os.environ,  # with the keys by which this process seals
            "DATABASE_URL": self.postgres.url_of(self._database),
            "REDIS_URL": self.valkey.url,
            "MEDIA_ROOT": str(self.folder / "media"),
            "STATIC_ROOT": str(self.folder / "static"),
        }

    def run(self, name: str, command: list[str], **variables: str) -> Machine:
        """Start a process that ends with the place."""
        log = self._logs.enter_context((self.folder / f"{name}.log").open("ab"))
        environment = {**self.environment, **variables}
        machine = Machine(name, command, log=log, environment=environment)
        machine.start()
        self._machines.append(machine)
        return machine

    def beat(self) -> None:
        """Tell that a worker was seen just now."""
        with redis.Redis.from_url(self.valkey.url) as broker:
            broker.set(f"linggan:1:{HEARTBEAT_KEY}", int(time.time()))

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Have Django connected to this database until the block ends."""
        own = dict(connection.settings_dict)
        connection.close()
        connection.settings_dict["PORT"] = self.postgres.port
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict |= own

    def forget_the_worker(self) -> None:
        """Have it that no worker was seen for long."""
        with redis.Redis.from_url(self.valkey.url) as broker:
            broker.delete(f"linggan:1:{HEARTBEAT_KEY}")

    def end(self) -> None:
        """End all of it."""
        for machine in self._machines:
            machine.end()
        self._logs.close()
        self.valkey.stop()
        self.postgres.stop()


def command_of_the_image(port: int) -> list[str]:
    """Return what the image starts if nothing else is said, on another address."""
    said = (_ROOT / "Dockerfile").read_text().rpartition("\nCMD ")[2]
    words: list[str] = json.loads(said.replace("\\\n", ""))
    words[words.index("--bind") + 1] = f"127.0.0.1:{port}"
    return [str(_ROOT / ".venv" / "bin" / words[0]), *words[1:]]


def ask(port: int, path: str, *, seconds: float = 5) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON of an answer."""
    connected = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connected.request("GET", path)
        answer = connected.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connected.close()


def until(what: Callable[[], bool], *, seconds: float = _UP_SECONDS) -> None:
    """Return when it is so.

    Raises:
        TimeoutError: it is not so in time.
    """
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        try:
            if what():
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    raise TimeoutError(what)


@pytest.fixture(scope="module")
def place(django_db_setup: None) -> Iterator[Place]:
    """Servers that follow the test's own; who needs one that takes writes promotes it."""
    folder = Path(tempfile.mkdtemp(prefix="linggan-deploying-"))
    folder.chmod(0o711)
    (folder / "static").mkdir()
    made = Place(
        folder,
        primary_url=os.environ["DATABASE_URL"],
        database=str(connection.settings_dict["NAME"]),
    )
    try:
        made.start()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def port() -> int:
    """Return one that nobody listens on."""
    return free_port()
