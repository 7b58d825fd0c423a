"""The product's side: so many clients in processes and threads, each with its own connection.

The processes are forked once and wait between their turns, so that neither starting nor
connecting is measured.
"""

import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

from django.db import connections

from billing.insights.bench.figures import Effort, Turn

_FORK: Final = multiprocessing.get_context("fork")
_PATIENCE_SECONDS: Final = 120
_LOOK_SECONDS: Final = 2.0


def _nothing() -> None:
    """Tidy nothing up."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What one client does.

    Attributes:
        call: one call; returns whether its answer is right.
        tidy: what follows a call, unmeasured.
        after: what follows the calls of a round, unmeasured.
    """

    call: Callable[[], bool]
    tidy: Callable[[], None] = _nothing
    after: Callable[[], None] = _nothing


MakeDeed: TypeAlias = Callable[[int], Deed]  # of the client of that number


@dataclass(frozen=True, slots=True)
class _Taken:
    began: float
    ended: float
    latencies: list[float]
    complaints: list[str]
    cpu_seconds: float


class Hands:
    """So many processes of so many threads that do a deed; a context, which ends them."""

    def __init__(self, make: MakeDeed, *, processes: int, threads: int = 1) -> None:
        self._make = make
        self._processes = processes
        self._threads = threads
        self._pipes: list[Connection] = []
        self._children: list[Any] = []

    def __enter__(self) -> Self:
        """Fork the processes and have each client get ready."""
        connections.close_all()  # no child may share the socket of its parent
        for number in range(self._processes):
            ours, theirs = _FORK.Pipe()
            first = number * self._threads
            child = _FORK.Process(
                target=_serve,
                args=(theirs, os.getpid(), self._make, range(first, first + self._threads)),
                daemon=True,
            )
            child.start()
            theirs.close()
            self._pipes.append(ours)
            self._children.append(child)
        try:
            for pipe in self._pipes:
                _heard(pipe, _PATIENCE_SECONDS)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes."""
        self._end()

    def turn(self, effort: Effort) -> Turn:
        """Have all clients work at once; return what they did."""
        for pipe in self._pipes:
            pipe.send(effort)
        patience = effort.seconds + _PATIENCE_SECONDS
        taken: list[_Taken] = [one for pipe in self._pipes for one in _heard(pipe, patience)]
        wall = max(one.ended for one in taken) - min(one.began for one in taken)
        return _turn(wall, taken)

    def _end(self) -> None:
        for pipe in self._pipes:
            with suppress(OSError):  # it has died
                pipe.send(None)  # closing says nothing: those forked later hold the pipe, too
            pipe.close()
        for child in self._children:
            child.join(_PATIENCE_SECONDS)
            if child.is_alive():
                child.terminate()
                child.join()


def alone(deed: Deed, effort: Effort) -> Turn:
    """Do a deed in this very process; what tidies up after a call does not count."""
    taken = _work(deed, effort)
    return _turn(sum(taken.latencies), [taken])


def _turn(seconds: float, taken: Sequence[_Taken]) -> Turn:
    complaints = [said for one in taken for said in one.complaints]
    return Turn(
        seconds=seconds,
        latencies=[each for one in taken for each in one.latencies],
        wrong=len(complaints),
        complaint=next(iter(complaints), ""),
        cpu_seconds=sum(one.cpu_seconds for one in taken),
    )


def _heard(pipe: Connection, seconds: float) -> Any:  # noqa: ANN401 (what was sent)
    if not pipe.poll(seconds):
        raise RuntimeError("A client of the bench does not answer.")
    try:
        return pipe.recv()
    except EOFError:
        raise RuntimeError("A client of the bench has died.") from None


def _serve(pipe: Connection, parent: int, make: MakeDeed, numbers: Sequence[int]) -> None:
    """Be one process: hand each turn to all threads, until nobody asks any more."""
    orders: list[SimpleQueue[Effort | None]] = [SimpleQueue() for _number in numbers]
    answers: SimpleQueue[_Taken | None] = SimpleQueue()
    threads = [
        threading.Thread(target=_client, args=(make, number, order, answers), daemon=True)
        for number, order in zip(numbers, orders, strict=True)
    ]
    for thread in threads:
        thread.start()
    for _thread in threads:
        answers.get()
    pipe.send("ready")
    while (effort := _asked(pipe, parent)) is not None:
        for order in orders:
            order.put(effort)
        pipe.send([answers.get() for _thread in threads])
    for order in orders:
        order.put(None)
    for thread in threads:
        thread.join()


def _asked(pipe: Connection, parent: int) -> Effort | None:
    """Return for how long to work next; None: no more, or whoever asked has died."""
    while not pipe.poll(_LOOK_SECONDS):
        if os.getppid() != parent:
            return None
    effort: Effort | None = pipe.recv()
    return effort


def _client(
    make: MakeDeed,
    number: int,
    orders: "SimpleQueue[Effort | None]",
    answers: "SimpleQueue[_Taken | None]",
) -> None:
    try:
        deed = make(number)
    except BaseException:  # noqa: BLE001 (also who ends by himself; the process ends with it)
        traceback.print_exc()
        os._exit(1)  # whoever waits for this process hears that it has died
    answers.put(None)
    while (effort := orders.get()) is not None:
        answers.put(_work(deed, effort))
    connections.close_all()


def _work(deed: Deed, effort: Effort) -> _Taken:
    latencies: list[float] = []
    complaints: list[str] = []
    cpu_seconds = 0.0
    began = time.perf_counter()
    ended = began
    while ended - began < effort.seconds and len(latencies) != effort.calls:
        started, idle = time.perf_counter(), time.thread_time()
        complaint = _complaint(deed)
        ended = time.perf_counter()
        cpu_seconds += time.thread_time() - idle
        latencies.append(ended - started)
        complaints += [complaint] if complaint else []
        deed.tidy()
    deed.after()
    return _Taken(began, ended, latencies, complaints, cpu_seconds)


def _complaint(deed: Deed) -> str:
    """Make a call; return what is wrong with its answer, or ""."""
    try:
        return "" if deed.call() else "The answer is wrong."
    except Exception as problem:  # noqa: BLE001 (whatever it is, it is a wrong answer, and counted)
        return f"{type(problem).__name__}: {problem}"
