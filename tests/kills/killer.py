"""Carries a plan of blows out, and starts again whatever it has ended."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final

import redis

from billing.jobs.models import Attempt
from tests.kills.gate import Fate, Trap
from tests.kills.machines import Machine
from tests.kills.plan import KILLS, Blow, Planned
from tests.kills.service import Service

_FATES: Final = (Fate.DELIVERED, Fate.DROPPED, Fate.LATE)
_AWAY_SECONDS: Final = 2.0
_FROZEN_AT_ONCE: Final = 2


@dataclass
class Zombie:
    """A worker that is frozen in the middle of a hand-over, until its lease is over."""

    trap: Trap
    wakes_at: datetime
    maker: Machine


@dataclass
class Struck:
    """What has really happened.

    Attributes:
        fell: blows that have hit somebody.
        fates: what became of the hand-overs of the zombies.
    """

    fell: Counter[Blow] = field(default_factory=Counter)
    fates: Counter[Fate] = field(default_factory=Counter)

    @property
    def kills(self) -> int:
        """How many workers, schedulers and Cog servers were killed."""
        return sum(self.fell[blow] for blow in KILLS)


class Killer:
    """Strikes when enough orders were accepted; to be called from the main thread."""

    def __init__(self, service: Service, planned: Sequence[Planned], *, chance: str) -> None:
        self.struck = Struck()
        self._service = service
        self._planned = list(planned)
        self._random = Random(f"killer {chance}")
        self._zombies_due = 0
        self._trap: Trap | None = None
        self._zombies: list[Zombie] = []
        self._gate_opens_at = 0.0

    @property
    def is_done(self) -> bool:
        """Whether every planned blow has fallen, and no worker is frozen any more."""
        waits = self._planned or self._zombies_due or self._trap or self._zombies
        return not waits

    def look(self, accepted: int) -> None:
        """Let what is due fall, one blow at a time, and mend what has ended."""
        self._wake_zombies()
        self._make_zombies()
        if self._planned and self._planned[0].after <= accepted:
            blow = self._planned[0].blow
            if self._fall(blow):
                self._planned.pop(0)
        if time.monotonic() >= self._gate_opens_at:
            self._service.gate.open()
        for machine in self._service.machines:
            machine.mend()

    def _fall(self, blow: Blow) -> bool:
        """Strike; return whether the blow is over and done with."""
        if blow == Blow.ZOMBIE:
            self._zombies_due += 1
            return True
        hit = self._strike(blow)
        self.struck.fell[blow] += hit
        return hit

    def _strike(self, blow: Blow) -> bool:
        service = self._service
        if blow == Blow.WIPE:
            _wipe(service)
            return True
        if blow == Blow.SCHEDULER:
            return service.scheduler.kill_all()
        if blow == Blow.WEB:
            return service.web.kill_a_child(self._random)
        if blow in (Blow.GPU, Blow.MACHINE):
            if blow == Blow.MACHINE:
                service.gate.close()
                self._gate_opens_at = time.monotonic() + _AWAY_SECONDS
            return service.gpu.kill_all()
        awake = [worker for worker in service.workers if not worker.is_frozen]
        if blow == Blow.CHILD:
            return self._random.choice(awake).kill_a_child(self._random)
        worker = self._random.choice(awake)
        return worker.kill_parent() if blow == Blow.PARENT else worker.kill_all()

    def _make_zombies(self) -> None:
        """Set a trap for the next hand-over; freeze its maker once it is in."""
        if self._trap is None:
            if self._zombies_due and len(self._zombies) < _FROZEN_AT_ONCE:
                made = self.struck.fell[Blow.ZOMBIE] + len(self._zombies)
                self._trap = Trap(_FATES[made % len(_FATES)])
                self._service.gate.set_trap(self._trap)
                self._zombies_due -= 1
            return
        trap = self._trap
        if not trap.sprung.is_set():
            return
        self._trap = None
        maker = next(
            (one for one in self._service.workers if one.is_alive and one.has_port(trap.port)), None
        )
        if maker is None or maker.is_frozen:  # it was killed while it was held, or is a twin
            trap.goes.set()
            self._zombies_due += 1
            return
        maker.freeze()
        if trap.fate != Fate.LATE:
            trap.goes.set()
        lease = Attempt.objects.values_list("lease_until", flat=True).get(pk=trap.attempt)
        self._zombies.append(Zombie(trap, lease, maker))

    def _wake_zombies(self) -> None:
        """Let go on whoever's lease is over."""
        for zombie in list(self._zombies):
            if (datetime.now(UTC) - zombie.wakes_at).total_seconds() > self._oversleeps(zombie):
                zombie.maker.thaw()
                zombie.trap.goes.set()
                self._zombies.remove(zombie)
                self.struck.fell[Blow.ZOMBIE] += 1
                self.struck.fates[zombie.trap.fate] += 1

    def _oversleeps(self, zombie: Zombie) -> float:
        """Return for how many seconds beyond its lease; by then its job may have been given up."""
        return self._service.grace_seconds + 15 if zombie.trap.fate == Fate.LATE else 3


def _wipe(service: Service) -> None:
    """Have our own Redis, proven by its process id, forget everything."""
    with redis.Redis.from_url(service.servers.valkey.url) as session:
        info = session.info("server")
        assert info["process_id"] == service.servers.valkey.process.pid, "this is not ours"
        session.flushall()


def pause() -> None:
    """Wait as long as nobody looks."""
    threading.Event().wait(0.05)
