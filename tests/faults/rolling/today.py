"""The product of today after a deploy of former days: what judges it knows only today's tables."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from billing.management.commands.migrate import OWNER
from tests.faults import verdict
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import CUSTOMERS, GIVEN, Field
from tests.faults.load import CLIENTS, POOR, Load, People
from tests.faults.verdict import Verdict
from tests.jobs import shop
from tests.kills import blowing
from tests.kills.machines import Machine

_ALIVE_SECONDS: Final = 180.0
_NAMES: Final = [f"rolling-{number}" for number in range(CUSTOMERS + POOR)]


class Today(Field):
    """A field on which others are at work until it is asked to judge."""

    def open_backend(self) -> None:
        """Start the GPU backend, which no deploy touches."""
        self.service.gpu.start()
        self.gate.open()

    def asked(self) -> dict[str, Any]:
        """Return what there is to be before anybody asks."""
        return {
            "catalog": f"{shop.HEAD}\n{shop.CREDIT}\n{blowing.CATALOG}",
            "names": _NAMES,
            "rich": _NAMES[:CUSTOMERS],
            "credits": GIVEN,
        }

    def load_of(self, settled: dict[str, Any], numbers: Iterator[int], *, chance: str) -> Load:
        """Return the customers who have come, silent at first."""
        people = People(_NAMES, settled["tokens"], settled["key"])
        return Load(people, numbers, port=self.port, chance=chance, clients=CLIENTS)

    def wait_until_alive(self, port: int, web: Machine) -> None:
        """Return when a web answers at a port.

        Raises:
            TimeoutError: it has ended, or does not answer in time.
        """
        ends_at = time.monotonic() + _ALIVE_SECONDS
        while web.is_alive and time.monotonic() < ends_at:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise TimeoutError(f"Nobody answers at {port}.")

    def judge_today(self, load: Load) -> Verdict:
        """Bring tables and processes to today, and judge what the books say."""
        _migrate()
        self.start_anew()
        load.ports = [self.port]
        experiment = Experiment("F18", "", 1, lambda *_all: Outcome(load))
        return verdict.judge(self, experiment, Outcome(load), began=time.monotonic())


def _migrate() -> None:
    """Migrate to today, though what was applied then may stand elsewhere in the line of today."""
    owner = connections[OWNER]
    recorder = MigrationRecorder(owner)
    applied = {name for app, name in recorder.applied_migrations() if app == "billing"}
    executor = MigrationExecutor(owner)
    graph = executor.loader.graph
    line = [
        name
        for app, name in graph.forwards_plan(graph.leaf_nodes("billing")[0])
        if app == "billing"
    ]
    gap = next((place for place, name in enumerate(line) if name not in applied), len(line))
    early = [name for name in line[gap:] if name in applied]
    for name in early:
        recorder.record_unapplied("billing", name)
    for name in line[gap:]:
        call_command("migrate", "billing", name, fake=name in early, verbosity=0)
    call_command("migrate", verbosity=0)
    connection.close()
