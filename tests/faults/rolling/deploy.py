"""One deploy: old code, the migration under it, both codes, the new one, then that of today.

    python -m tests.faults.rolling.deploy NAMES OLD NEW SEED

A process of its own, because settings and servers are of one process. It ends with a line of JSON.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

import django

from config.embedded import serve
from config.embedded.processes import free_port
from tests.apart import servers_apart
from tests.faults.rolling import history, watching
from tests.faults.rolling.watching import Watch
from tests.kills.machines import Machine
from tests.kills.service import worker_command

_LIVE_SECONDS: Final = 4.0
_DRAIN_SECONDS: Final = 1.0
_LEAVE_SECONDS: Final = 60.0
_OWNER: Final = "linggan"
_APPLICATION: Final = "linggan_app"


class Deploy:
    """A product of two codes, and what becomes of requests while one takes the other's place."""

    def __init__(self, field: Any, ground: Any, *, old: Path, new: Path) -> None:  # noqa: ANN401 (they know the models, which exist only later)
        """Start nothing."""
        self.field = field
        self.owner_url = os.environ.pop("DATABASE_OWNER_URL")
        self._ground = ground
        self._trees = {"old": old, "new": new}
        self._machines: dict[str, Machine] = {}
        self.notes: list[str] = []
        self.breaches: list[str] = []

    # -- the product ---------------------------------------------------------------------------
    def start(self, code: str) -> int:
        """Start web, a worker and a scheduler of one code; return the web's port when it answers.

        Raises:
            RuntimeError: it does not answer in time.
        """
        port = self._ground.port if code == "old" else free_port()
        folder, logs = self._trees[code], self.field.folder
        commands: dict[str, Sequence[str | Path]] = {
            "web": self._web_command(code, port),
            "worker": worker_command(0, code),
            "scheduler": serve.scheduler_command(self.field.folder / f"schedule-{code}"),
        }
        for word, command in commands.items():
            name = f"{word}-{code}"
            log = (logs / f"{name}.log").open("ab")
            self._machines[name] = Machine(name, command, log=log, folder=folder)
            self._machines[name].start()
        self.field.wait_until_alive(port, self._machines[f"web-{code}"])
        return port

    def _web_command(self, code: str, port: int) -> list[str]:
        """Return how a code says itself that its API is served."""
        asked = f"from config.embedded import serve; print(*serve.web_command({port}), sep='\\n')"
        done = subprocess.run(  # noqa: S603 (our own words)
            [sys.executable, "-c", asked],
            cwd=self._trees[code],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    def retire(self, code: str) -> None:
        """Have one code finish what it has begun, and go."""
        for name, machine in self._machines.items():
            if name.endswith(code):
                if not machine.is_alive:
                    self.breaches.append(f"{name} had ended by itself")
                    continue
                machine.leave(_LEAVE_SECONDS)

    def end(self) -> None:
        """Kill what is left of both."""
        for machine in self._machines.values():
            if machine.starts:
                machine.end()

    # -- the tables ----------------------------------------------------------------------------
    def migrate(self, code: str) -> float:
        """Bring the tables to where a code wants them; return the seconds that it took.

        Raises:
            RuntimeError: they are not there.
        """
        began = time.monotonic()
        process = self._migrating(code)
        if process.wait() != 0:
            raise RuntimeError(f"migrate of the {code} code ended with {process.returncode}")
        return time.monotonic() - began

    def cut_migration(self) -> bool:
        """Begin to migrate and be killed half-way; return whether it was caught at it."""
        return watching.cut(self._migrating("new"), self.field.postgres.url, _OWNER)

    def watched(self) -> Any:  # noqa: ANN401 (a context manager's own)
        """Yield what is seen of the locks while the block runs."""
        return watching.watching(self.field.postgres.url, _APPLICATION)

    def _migrating(self, code: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=self._trees[code],
            env={**os.environ, "DATABASE_OWNER_URL": self.owner_url},
            stdout=self._ground.log,
            stderr=self._ground.log,
        )

    # -- the people ----------------------------------------------------------------------------
    def settle(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Have the customers come, by the old code; return their tokens and a key."""
        program = Path(__file__).with_name("settling.py")
        done = subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, str(program)],
            cwd=self._trees["old"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told


def roll(deploy: Deploy, load: Any, phases: "Phases") -> dict[str, Any]:  # noqa: ANN401 (knows the models)
    """Put the new code in the old one's place, while clients ask; return what was seen."""
    load.start()
    phases.begin("old code, old tables")
    load.live_for(_LIVE_SECONDS)
    phases.begin("the migration")
    with deploy.watched() as watch:
        was_cut = deploy.cut_migration()
        seconds = deploy.migrate("new")
    phases.begin("old code, new tables")
    load.live_for(_LIVE_SECONDS)
    phases.begin("both codes")
    port = deploy.start("new")
    load.ports = [*load.ports, port]
    load.live_for(_LIVE_SECONDS)
    load.ports = [port]  # a proxy sends nothing new to who is about to go
    load.live_for(_DRAIN_SECONDS)
    deploy.retire("old")
    phases.begin("new code")
    load.live_for(_LIVE_SECONDS)
    load.stop()
    return _seen(watch, was_cut=was_cut, seconds=seconds)


def _seen(watch: Watch, *, was_cut: bool, seconds: float) -> dict[str, Any]:
    return {
        "was_cut": was_cut,
        "migrate_seconds": round(seconds, 1),
        "lock_seconds": round(watch.longest_seconds, 2),
    }


class Phases:
    """Since when each part of a deploy lasts."""

    def __init__(self) -> None:
        """Know none."""
        self._since: list[tuple[str, float]] = []

    def begin(self, name: str) -> None:
        """From now on it is this one."""
        self._since.append((name, time.monotonic()))

    def failures(self, books: Sequence[Any]) -> dict[str, list[str]]:
        """Return of each part what was asked in it and failed at the first try."""
        found: dict[str, list[str]] = {name: [] for name, _since in self._since}
        for one in books:
            if one.at_first != "unknown":
                continue
            name = [name for name, since in self._since if since <= one.asked_at][-1]
            found[name].append(f"{one.ask} {one.number}")
        return {name: failed for name, failed in found.items() if failed}


@contextmanager
def prepared(old: str, new: str) -> Iterator[tuple[Any, Deploy, Path]]:
    """Yield a field whose product is not started, and the two codes laid out."""
    with servers_apart("rolling", is_lasting=True) as (folder, servers):
        ground: Any = importlib.import_module("tests.faults.ground").Ground(folder, servers)
        django.setup()
        field: Any = importlib.import_module("tests.faults.rolling.today").Today(ground)
        deploy = Deploy(
            field,
            ground,
            old=history.lay_out(old, folder / "old"),
            new=history.lay_out(new, folder / "new"),
        )
        try:
            yield field, deploy, folder
        finally:
            deploy.end()
            field.close()
            ground.door.end()


def main(words: Sequence[str]) -> int:
    """Do it; print what was seen."""
    names, old, new, seed = words
    with prepared(old, new) as (field, deploy, folder):
        deploy.migrate("old")
        field.open_backend()
        settled = deploy.settle(field.asked())
        load = field.load_of(settled, count(1), chance=f"{names} {Random(seed).random()}")
        load.ports = [deploy.start("old")]
        phases = Phases()
        seen = roll(deploy, load, phases)
        deploy.retire("new")
        judged = field.judge_today(load)
        books = load.books
        seen |= {
            "names": names,
            "requests": len(books),
            "failed": phases.failures(books),
            "slowest_seconds": round(max(one.heard_at - one.asked_at for one in books), 1),
            "lost": judged.lost,
            "doubled": judged.doubled,
            "breaches": [*deploy.breaches, *judged.breaches],
            "notes": deploy.notes,
            "folder": str(folder),
        }
    sys.stdout.write(f"{json.dumps(seen)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
