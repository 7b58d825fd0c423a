"""A server that follows another: made by pg_basebackup, streaming, and promoted on request."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from config.embedded.binaries import find_postgres
from config.embedded.folders import Entered
from config.embedded.postgres import Postgres
from config.embedded.processes import CannotServe, spawn, stop

_PROMOTED_SECONDS: Final = 30


class Standby(Postgres):
    """It has every database of the server at `primary_url`, and refuses to write until promoted."""

    def __init__(self, folder: Path, *, primary_url: str, throw_away: bool = True) -> None:
        primary = urlsplit(primary_url)
        assert primary.password is not None, "an address with a password"
        super().__init__(folder, find_postgres(), password=primary.password, throw_away=throw_away)
        self._primary = primary

    def url_of(self, database: str) -> str:
        """Return the address of one of its databases."""
        return self._address(database)

    def ask(self, statement: str, database: str = "postgres") -> Any:  # noqa: ANN401 (whatever it is)
        """Return the one value that an SQL statement brings."""
        with psycopg.connect(self._address(database), autocommit=True) as session:
            found = session.execute(statement).fetchone()
        assert found is not None
        return found[0]

    def tell(self, *statements: str, database: str = "postgres") -> None:
        """Carry SQL statements out, each by itself."""
        with psycopg.connect(self._address(database), autocommit=True) as session:
            for statement in statements:
                session.execute(statement)

    def promote(self) -> None:
        """Have it follow nobody any more, and take what is written."""
        assert self.ask(f"SELECT pg_promote(true, {_PROMOTED_SECONDS})") is True

    def _make_cluster(self, programs: Path, place: Entered) -> None:
        half = self.folder / "half-made"
        shutil.rmtree(half, ignore_errors=True)
        primary = self._primary
        where = f"host=127.0.0.1 port={primary.port} user={primary.username} "
        making = spawn(
            [
                *(programs / "pg_basebackup", "-D", f"{place.path}/{half.name}"),
                *("--checkpoint=fast", "--no-sync", "--write-recovery-conf"),
                *("-d", f"{where}password={primary.password}"),
            ],
            environment={"LC_ALL": "C.UTF-8"},
            output=subprocess.PIPE,
            user=place.user,
            keep_open=[place.number],
        )
        try:
            said = making.communicate()[0].decode(errors="replace")
        finally:
            stop(making)
        if making.returncode != 0:
            raise CannotServe(f"The server could not be copied: {said}")
        half.rename(self.folder / "cluster")
