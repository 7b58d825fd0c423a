"""The embedded servers: durable, closed to strangers, and gone with whoever started them."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded.binaries import find_postgres, find_valkey
from config.embedded.postgres import Postgres
from config.embedded.processes import spawn, stop
from config.embedded.valkey import Valkey

ONCE = Retry(NoBackoff(), 0)
Server = TypeVar("Server", Postgres, Valkey)
PARENT = """
import sys
from config.embedded.processes import spawn
child = spawn([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder below a private one, as a checkout in somebody's home is."""
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    return private / "var"


@contextmanager
def started(server: Server, log: Path) -> Iterator[Server]:
    with log.open("ab") as output:
        server.start(output)
    try:
        yield server
    finally:
        server.stop()


def is_alive(number: int) -> bool:
    """Whether the process runs: what waits for its parent to collect it does not."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_second_start_of_postgresql_keeps_the_data(folder: Path, tmp_path: Path) -> None:
    home_mode = folder.parent.stat().st_mode
    log = tmp_path / "log"
    with (
        started(Postgres(folder, find_postgres(), password="first"), log) as server,
        psycopg.connect(server.url) as session,
    ):
        session.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    with (
        started(Postgres(folder, find_postgres(), password="first"), log) as server,
        psycopg.connect(server.url) as session,
    ):
        assert session.execute("SELECT answer FROM kept").fetchone() == (42,)
        assert session.execute("SHOW fsync").fetchone() == ("on",)
    assert folder.parent.stat().st_mode == home_mode


def test_postgresql_refuses_a_wrong_password(folder: Path, tmp_path: Path) -> None:
    server = Postgres(folder, find_postgres(), password="right", throw_away=True)

    with (
        started(server, tmp_path / "log"),
        pytest.raises(psycopg.OperationalError, match="password authentication failed"),
    ):
        psycopg.connect(server.url.replace("right", "wrong"))


def test_a_folder_of_an_older_version_gets_a_role_for_the_application(
    folder: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with started(Postgres(folder, find_postgres(), password="first"), log):
        pass

    for password in ("a-password", "another"):
        server = Postgres(folder, find_postgres(), password="first", application_password=password)
        with started(server, log), psycopg.connect(server.application_url) as session:
            assert session.execute("SELECT current_user").fetchone() == ("linggan_app",)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute("CREATE TABLE mine (id int)")


def test_a_second_start_of_valkey_keeps_the_data(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        started(Valkey(folder, find_valkey(), password="first"), log) as server,
        redis.Redis.from_url(server.url) as session,
    ):
        session.set("kept", "42")

    with (
        started(Valkey(folder, find_valkey(), password="first"), log) as server,
        redis.Redis.from_url(server.url) as session,
    ):
        assert session.get("kept") == b"42"


def test_valkey_refuses_who_has_no_password(folder: Path, tmp_path: Path) -> None:
    with (
        started(Valkey(folder, find_valkey(), password="right"), tmp_path / "log") as server,
        redis.Redis(host="127.0.0.1", port=server.port, retry=ONCE) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.get("kept")


def test_a_child_ends_when_its_parent_is_killed() -> None:
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(  # noqa: S603 (the script above)
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=root, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)

        parent.kill()

    for _beat in range(100):
        if not is_alive(child):
            return
        threading.Event().wait(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child outlived its parent")


def test_stopping_ends_the_children_of_a_child_too() -> None:
    forgetful = (
        "import subprocess,sys; p=subprocess.Popen(['sleep','600']); print(p.pid, flush=True)"
    )
    child = spawn([sys.executable, "-c", forgetful], output=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout as words:
        grandchild = int(words.readline())
    child.wait()

    stop(child)

    for _beat in range(100):
        if not is_alive(grandchild):
            return
        threading.Event().wait(0.05)
    pytest.fail("the grandchild outlived the stop")
