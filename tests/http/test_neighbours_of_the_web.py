"""Of several web processes at one door, one that has its hands full lets the others first."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]  # ships no types

from config import web

ROOT = Path(__file__).resolve().parents[2]
THREADS = 2


class Letting(web.Worker):
    """A worker that only lets in."""

    def __init__(self, connections: int, *, workers: int = 2) -> None:
        self.cfg = Config()
        self.cfg.set("threads", THREADS)
        self.cfg.set("workers", workers)
        self.alive = True
        self.nr_conns = connections
        self.let_in: list[Any] = []

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401 (gunicorn has no types)
        self.let_in.append(conn)
        conn.close()


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """A door at which one client stands."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.setblocking(False)  # noqa: FBT003 (as the socket has it)
        with closing(socket.create_connection(listener.getsockname())):
            yield listener


@pytest.fixture
def neighbour(door: socket.socket, monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """A process that lets the client in while ours hesitates; return whom it let in."""
    let_in: list[socket.socket] = []

    def hesitate(_seconds: float) -> None:
        let_in.append(door.accept()[0])

    monkeypatch.setattr(time, "sleep", hesitate)
    return let_in


def test_a_process_with_a_connection_for_each_thread_lets_its_neighbour_first(
    door: socket.socket, neighbour: list[socket.socket]
) -> None:
    ours = Letting(THREADS)

    ours.accept(door)

    assert (len(ours.let_in), len(neighbour), ours.nr_conns) == (0, 1, THREADS)
    neighbour[0].close()


def test_it_lets_in_itself_where_no_neighbour_comes(
    door: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    ours = Letting(THREADS)

    ours.accept(door)

    assert (len(ours.let_in), ours.nr_conns) == (1, THREADS + 1)


@pytest.mark.parametrize(
    "ours",
    [Letting(THREADS - 1), Letting(THREADS, workers=1)],
    ids=["a thread is free", "it has no neighbour"],
)
def test_a_process_does_not_hesitate_in_vain(
    ours: Letting, door: socket.socket, neighbour: list[socket.socket]
) -> None:
    ours.accept(door)

    assert (len(ours.let_in), len(neighbour)) == (1, 0)


def test_a_process_that_has_just_hesitated_lets_in_who_comes_next(
    door: socket.socket, neighbour: list[socket.socket]
) -> None:
    ours = Letting(THREADS)
    ours.accept(door)
    with closing(socket.create_connection(door.getsockname())):
        ours.accept(door)

    assert (len(ours.let_in), len(neighbour)) == (1, 1)
    neighbour[0].close()


_WORKER = """
from config.celery import app
from config.working import Told
app.loader.import_default_modules()
Told(None).start(None)
"""
LOADED = {
    "web": ("import config.wsgi", "billing.jobs.api"),
    "worker": (_WORKER, "billing.jobs.tasks"),
}


@pytest.mark.parametrize("role", LOADED)
def test_what_a_process_has_loaded_is_not_looked_at_again(role: str) -> None:
    begin, loaded = LOADED[role]
    program = (
        f"{begin}\nimport gc, sys; "
        f"print(gc.get_freeze_count() > 100_000, gc.get_threshold()[0], {loaded!r} in sys.modules)"
    )

    said = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert said.stdout.split() == ["True", "2000", "True"]
