"""The whole product at work, and each of its processes by name: only those that were started here.

To be used from one thread only, the main one, as the machines of a storm are.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg
from django.core.management import call_command
from django.db import connection

from billing.accounts import tokens
from billing.accounts.services import create_api_key
from config.embedded.postgres import Postgres
from plans.credits import MICROS
from tests import factories, template
from tests.faults import buying
from tests.faults.buying import Shop
from tests.faults.ground import Ground
from tests.faults.load import CLIENTS, POOR, Load, People
from tests.kills import service

GIVEN: Final = 5_000  # credits of each customer who is not poor
GIVEN_MICROS: Final = GIVEN * MICROS
CUSTOMERS: Final = 8
_WORKERS: Final = 2
_PATIENCE_SECONDS: Final = 120.0


class Field:
    """A product that runs, and what may be done to it.

    Attributes:
        shop: where packs are bought, once it is open.
        postgres: the database server that the door leads to.
        service: API, workers, scheduler and Cog, each a machine that can be killed.
        log: where the servers' words go.
        at_length: whether faults last as long as their table says also in a run of few rounds.
    """

    shop: Shop

    def __init__(self, ground: Ground, *, at_length: bool = False) -> None:
        """Start nothing."""
        self.at_length = at_length
        self.ground = ground
        self.folder = ground.folder
        self.log = ground.log
        self.gate = ground.gate
        self.port = ground.port
        self.postgres: Postgres = ground.servers.postgres
        self._of_ours: list[Postgres] = []
        self._numbers = count(1)
        self._names = count(1)
        self._open = ExitStack()
        self.service = self._composed(ground.folder / "logs")

    def open(self) -> None:
        """Return when everything works."""
        template.sow(self.postgres.url)
        call_command("migrate", verbosity=0)
        os.environ.pop("DATABASE_OWNER_URL")  # what serves owns nothing
        self.shop = self._open.enter_context(buying.opened(self.port))
        self.service.start()

    def close(self) -> None:
        """End all of it but what stands on the ground: the door, and the two servers."""
        self.service.end()
        self._open.close()
        for postgres in self._of_ours:
            postgres.stop()

    # -- the database --------------------------------------------------------------------------
    @contextmanager
    def superuser(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a session of the owner's, past the door and past every limit."""
        with psycopg.connect(self.postgres.url, autocommit=True) as session:
            yield session

    def session_of_ours(self, pid: int) -> int:
        """Return the process id of a session, proven to be of the server that was started here."""
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        assert int(parent) == self.postgres.process.pid, f"{pid} is not ours"
        return pid

    def take_over(self, postgres: Postgres) -> None:
        """Let another server be the database from now on; it ends with the field."""
        self.postgres = postgres
        if postgres is not self.ground.servers.postgres and postgres not in self._of_ours:
            self._of_ours.append(postgres)
        self.ground.lead_to(postgres.port)

    def discard(self, postgres: Postgres) -> None:
        """Throw away what a dead server of a run has left; the run's first one stays."""
        if postgres in self._of_ours:
            self._of_ours.remove(postgres)
            shutil.rmtree(postgres.folder)

    def wait_for_database(self, patience_seconds: float = 60.0) -> None:
        """Return when the server answers.

        Raises:
            TimeoutError: it does not in time.
        """
        ends_at = time.monotonic() + patience_seconds
        while time.monotonic() < ends_at:
            try:
                with self.superuser() as session:
                    session.execute("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("The database does not answer.")

    def revive_database(self) -> None:
        """Return when the server answers; it is started if it has given up."""
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < ends_at:
            if self.postgres.process.poll() is not None:
                self.postgres.start(self.log)
            try:
                self.wait_for_database(patience_seconds=1.0)
            except TimeoutError:
                continue
            return
        raise TimeoutError("The database does not come up again.")

    def forget_connections(self) -> None:
        """Let this process connect anew: what it had may be broken."""
        connection.close()

    # -- who asks ------------------------------------------------------------------------------
    @contextmanager
    def load(self, chance: str, *, clients: int = CLIENTS) -> Iterator[Load]:
        """Let new customers ask for all kinds of things while the block runs."""
        self.forget_connections()
        load = self.people(chance, clients=clients)
        load.start()
        try:
            yield load
        finally:
            load.stop()

    def people(self, chance: str, *, clients: int = CLIENTS) -> Load:
        """Return customers who do not ask for anything yet."""
        now = datetime.now(UTC)
        prefix = f"crowd{next(self._names)}"
        names = [f"{prefix}-{number}" for number in range(CUSTOMERS + POOR)]
        for name in names[:CUSTOMERS]:
            factories.give(factories.new_account(name, is_sandbox=False), GIVEN)
        for name in names[CUSTOMERS:]:
            factories.new_account(name, is_sandbox=False)
        signed = [tokens.sign(name, lifetime=timedelta(days=2), now=now) for name in names]
        _key, secret = create_api_key(prefix, ["grants:write"], now=now)
        people = People(names, signed, secret)
        return Load(people, self._numbers, port=self.port, chance=chance, clients=clients)

    @contextmanager
    def logging_to(self, folder: Path) -> Iterator[None]:
        """Let all processes of the product write their words elsewhere while the block runs."""
        usual = self.service
        usual.end()
        self.service = self._composed(folder / "logs")
        self.service.start()
        try:
            yield
        finally:
            self.service.end()
            self.service = usual
            self.service.start()

    def start_anew(self) -> None:
        """Start all that is ours again, with what the environment says now; the GPU works on."""
        ours = [self.service.web, *self.service.workers, self.service.scheduler]
        for machine in ours:
            machine.end()
        for machine in ours:
            machine.start()
        self.wait_until_ready()

    def heal(self) -> None:
        """Bring everything back that an experiment which broke off has left frozen, or dead.

        Raises:
            TimeoutError: it does not become well.
        """
        valkey = self.service.servers.valkey
        if valkey.process.poll() is None:
            os.kill(valkey.process.pid, signal.SIGCONT)
        else:
            valkey.start(self.log)
        self.revive_database()
        self.forget_connections()
        for machine in self.service.machines:
            if machine.is_alive:
                machine.thaw()
            else:
                machine.mend()
        self.wait_until_ready()

    # -- how it is ------------------------------------------------------------------------------
    def fallen(self) -> list[str]:
        """Return the names of the processes that have ended by themselves."""
        return [one.name for one in [*self.service.machines, self.ground.door] if not one.is_alive]

    def wait_until_ready(self, patience_seconds: float = _PATIENCE_SECONDS) -> float:
        """Return when the API says that all is ready, after so many seconds.

        Raises:
            TimeoutError: it does not say so in time.
        """
        began = time.monotonic()
        while not self.service.is_ready():
            if time.monotonic() - began > patience_seconds:
                raise TimeoutError("The product was not ready again in time.")
            time.sleep(0.1)
        return time.monotonic() - began

    def _composed(self, logs: Path) -> service.Service:
        return service.compose(
            self.ground.folder,
            self.ground.servers,
            port=self.ground.port,
            cog_port=self.ground.cog_port,
            gate=self.ground.gate,
            workers=_WORKERS,
            logs=logs,
        )
