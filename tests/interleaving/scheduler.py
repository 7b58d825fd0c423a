"""Runs two operations in every order of their statements, on two connections of a real PostgreSQL.

Each statement and each commit is a step that waits for its turn. Where one side waits for a row
or key of the other, PostgreSQL says so (`pg_blocking_pids`, which reads `pg_locks`), and only the
other can move. The orders are walked depth first: a schedule is a row of choices, and every choice
that could have been made otherwise is made otherwise once.

Two orders that differ only in neighbours which cannot feel each other are one: a plain SELECT sees
what is committed, so it feels the other side's commits and nothing else of it. Of such orders the
one in which the first side goes first is run (`reduced`); without it every single order is.
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Queue
from random import Random
from typing import Any, Final

from django.db import OperationalError, connection

_LOOK_AGAIN_SECONDS: Final = 0.002  # how often a step that does not end is asked whether it waits
_STUCK_SECONDS: Final = 60
_SAVEPOINT: Final = re.compile(r'SAVEPOINT "s\d+_x\d+"')
_ENDS: Final = ("COMMIT", "ROLLBACK")
_LOCKS: Final = re.compile(r"\bFOR (NO KEY )?(UPDATE|SHARE)\b|advisory|set_config", re.IGNORECASE)
Act = Callable[[], object]


class Stuck(Exception):
    """Neither side came any further: the scheduler, not the product, is at fault."""


class Side:
    """A thread with a connection of its own that stops before each statement and each commit."""

    def __init__(self) -> None:
        self.pid = 0
        self.upcoming = ""  # the statement before which it stands
        self.is_blocked = False
        self.is_done = True
        self.outcome: object = None
        self.arrived = threading.Event()
        self._go = threading.Semaphore(0)
        self._is_over = False
        self._round_trip: object = None
        self._acts: Queue[Act | None] = Queue()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        self._wait("the connection")

    def begin(self, act: Act) -> None:
        """Run `act` up to its first statement."""
        self.is_done, self.outcome = False, None
        self.arrived.clear()
        self._acts.put(act)
        self._wait("the first statement")

    def step(self) -> None:
        """Let the statement run before which it stands; `arrived` tells of the next."""
        self.arrived.clear()
        self._go.release()

    def close(self) -> None:
        """End the thread and its connection; what is under way goes on without stopping."""
        self._is_over = True
        self._go.release()
        self._acts.put(None)
        self._thread.join(timeout=_STUCK_SECONDS)

    def _wait(self, what: str) -> None:
        if not self.arrived.wait(timeout=_STUCK_SECONDS):
            raise Stuck(what)

    def _live(self) -> None:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '1ms'")  # found by whoever closes the ring
            cursor.execute("SELECT pg_backend_pid()")
            (self.pid,) = cursor.fetchone()
        self._stop_before("COMMIT", "_commit")
        self._stop_before("ROLLBACK", "_rollback")
        self.arrived.set()
        with connection.execute_wrapper(self._stop_before_statement):
            while (act := self._acts.get()) is not None:
                try:
                    self.outcome = act()
                except Exception as exc:  # noqa: BLE001 (the result of a race is data)
                    self.outcome = exc
                self.is_done = True
                self.arrived.set()
        connection.close()

    def _stop_before(self, name: str, method: str) -> None:
        whole = getattr(connection, method)

        def stopping() -> None:
            self._pause(name)
            whole()

        setattr(connection, method, stopping)

    def _stop_before_statement(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,  # noqa: ANN401 (passed on as they are)
        many: bool,  # noqa: FBT001 (Django's signature)
        context: Any,  # noqa: ANN401 (as above)
    ) -> Any:  # noqa: ANN401 (as above)
        # What goes to the database together is one step.
        round_trip = connection.connection._pipeline
        if round_trip is not None and round_trip is self._round_trip:
            return execute(sql, params, many, context)
        self._round_trip = round_trip
        # What is written outside a transaction is committed at once, and others feel it.
        alone = not connection.in_atomic_block and not _is_plain(sql)
        # Django numbers its savepoints from one run to the next: the same step must be the same.
        self._pause(f"COMMIT of {sql}" if alone else _SAVEPOINT.sub("SAVEPOINT", sql))
        return execute(sql, params, many, context)

    def _pause(self, sql: str) -> None:
        self.upcoming = sql
        self.arrived.set()
        if not self._is_over:
            self._go.acquire()


@dataclass
class Schedule:
    """One order of two operations' statements, and what came of it.

    Attributes:
        choices: which side moved at each step.
        options: which could have.
        steps: the statements, for people.
        waits: how often a side had to wait for the other.
        strayed: it was not the order that was asked for.
        outcomes: what each side returned or raised.
    """

    choices: list[int] = field(default_factory=list)
    options: list[tuple[int, ...]] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    waits: int = 0
    strayed: bool = False
    outcomes: tuple[object, object] = (None, None)

    def __str__(self) -> str:
        return "\n".join(self.steps)


class Interleaver:
    """Two sides, and the scheduler that has them move in a given order.

    Attributes:
        left_out: the last walk ended before all orders were run.
    """

    left_out = False

    def __init__(self) -> None:
        self._sides = (Side(), Side())

    def close(self) -> None:
        """End both sides."""
        for side in self._sides:
            side.close()

    def orders(
        self, scene: Callable[[], Sequence[Act]], *, most: int, reduced: bool = True
    ) -> Iterator[Schedule]:
        """Yield the schedules of the two acts of a fresh `scene` each, `most` of them at most.

        Where there are more, it is `most` of them from all over, the same ones each time.
        """
        chance = Random(0)
        waiting: list[list[int]] = [[]]
        for _schedule in range(most):
            if not waiting:
                return
            # The last of the row takes the place of the one that is taken out.
            place = chance.randrange(len(waiting))
            waiting[place], waiting[-1] = waiting[-1], waiting[place]
            prefix = waiting.pop()
            schedule = self.run(scene(), prefix, reduced=reduced)
            for place in range(len(prefix), len(schedule.choices)):
                waiting.extend(
                    [*schedule.choices[:place], other]
                    for other in schedule.options[place]
                    if other != schedule.choices[place]
                )
            self.left_out = bool(waiting)
            yield schedule

    def run(
        self, acts: Sequence[Act], prefix: Sequence[int] = (), *, reduced: bool = True
    ) -> Schedule:
        """Run both acts, the first steps in the order of `prefix`."""
        for side, act in zip(self._sides, acts, strict=True):
            side.is_blocked = False
            side.begin(act)
        schedule = Schedule()
        last: tuple[int, str] | None = None
        while movable := self._movable():
            options = self._options(movable, last if reduced else None)
            place = len(schedule.choices)
            pick = prefix[place] if place < len(prefix) else options[0]
            if pick not in options:
                pick, schedule.strayed = options[0], True
            schedule.options.append(options)
            schedule.choices.append(pick)
            sql = self._sides[pick].upcoming
            self._step(pick, schedule)
            # What had to wait came after the other's step, however the two were called.
            last = None if self._sides[pick].is_blocked else (pick, sql)
        schedule.outcomes = (self._sides[0].outcome, self._sides[1].outcome)
        # Which side of a deadlock gives in is chance; everything else can be run again.
        if schedule.strayed and not any(isinstance(o, OperationalError) for o in schedule.outcomes):
            raise Stuck(f"not what was run before:\n{schedule}")
        return schedule

    def _movable(self) -> list[int]:
        for side in self._sides:  # who waited in a ring may have been made to give in
            side.is_blocked = side.is_blocked and not side.arrived.is_set()
        if all(side.is_done or side.is_blocked for side in self._sides):
            self._until_one_gives_in(*(side for side in self._sides if side.is_blocked))
        return [
            place
            for place, side in enumerate(self._sides)
            if not side.is_done and not side.is_blocked
        ]

    def _options(self, movable: list[int], last: tuple[int, str] | None) -> tuple[int, ...]:
        """Return who may move: of two neighbours that do not feel each other, the first first."""
        if last is None or last[0] == 0 or len(movable) == 1:
            return tuple(movable)
        apart = feels_nothing_of(self._sides[0].upcoming, last[1])
        return (1,) if apart else tuple(movable)

    def _step(self, pick: int, schedule: Schedule) -> None:
        side, other = self._sides[pick], self._sides[1 - pick]
        sql = side.upcoming
        words = " ".join(sql.split())
        side.step()
        self._follow(side, other)
        schedule.waits += side.is_blocked
        schedule.steps.append(f"{'AB'[pick]}{' waits' if side.is_blocked else ''}: {words[:110]}")
        if other.is_blocked and sql.startswith(_ENDS):  # nothing else gives a lock back
            self._follow(other, side)

    def _follow(self, side: Side, other: Side) -> None:
        """Return when the side stands before its next statement, is done, or waits."""
        for _look in range(int(_STUCK_SECONDS / _LOOK_AGAIN_SECONDS)):
            if side.arrived.wait(timeout=_LOOK_AGAIN_SECONDS):
                side.is_blocked = False
                return
            if _waits_for(side.pid, other.pid):
                side.is_blocked = True
                return
        raise Stuck(side.upcoming)

    def _until_one_gives_in(self, *sides: Side) -> None:
        for _look in range(int(_STUCK_SECONDS / _LOOK_AGAIN_SECONDS)):
            for side in sides:
                if side.arrived.wait(timeout=_LOOK_AGAIN_SECONDS):
                    side.is_blocked = False
            if not sides or not all(side.is_blocked for side in sides):
                return
        raise Stuck("a deadlock that PostgreSQL did not end")


def feels_nothing_of(one: str, other: str) -> bool:
    """Say whether two neighbouring steps of different sides may change places unnoticed."""
    if one.startswith(_ENDS) or other.startswith(_ENDS):
        return False
    return _is_plain(one) or _is_plain(other)


def _is_plain(sql: str) -> bool:
    """Say whether a statement only reads what is committed, or is heard by nobody else."""
    words = sql.lstrip()
    if words.startswith(("SAVEPOINT", "RELEASE SAVEPOINT")):
        return True
    return words.startswith("SELECT") and _LOCKS.search(words) is None


def _waits_for(pid: int, other: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s = ANY(pg_blocking_pids(%s))", [other, pid])
        (waits,) = cursor.fetchone()
    return bool(waits)
