"""What the product stands on, before any of it knows an address: servers, ports, a door.

The database is reached through a door whose other side can be changed.
"""

import os
import sys
from pathlib import Path
from typing import IO, Final

from config.embedded.processes import free_port
from tests.kills import service
from tests.kills.gate import Gate
from tests.kills.machines import Machine
from tests.servers import Servers

_LEADS_TO: Final = "door"


class Ground:
    """Servers that run, and the environment of whoever uses them.

    Attributes:
        log: where the words of the servers and of the door go.
        door_port: the one address of the database.
    """

    def __init__(self, folder: Path, servers: Servers) -> None:
        """Open the door, and set what this process and all of the product's read."""
        self.folder = folder
        self.servers = servers
        self.log: IO[bytes] = (folder / "database.log").open("ab")
        self.door_port = free_port()
        self.port, self.cog_port = service.free_ports()
        self.gate = Gate(upstream_port=self.cog_port, unanswered=frozenset())
        self.lead_to(servers.postgres.port)
        where = [str(self.door_port), str(folder / _LEADS_TO)]
        command = [sys.executable, "-m", "tests.faults.door", *where]
        self.door = Machine("door", command, log=self.log)
        self.door.start()
        service.set_environment(folder, servers, port=self.port, gate_port=self.gate.port)
        os.environ["DATABASE_URL"] = self._through_the_door(servers.postgres.application_url)
        os.environ["DATABASE_OWNER_URL"] = self._through_the_door(servers.postgres.url)

    def lead_to(self, port: int) -> None:
        """Have new connections go to the PostgreSQL of this port."""
        fresh = self.folder / f"{_LEADS_TO}.new"
        fresh.write_text(str(port))
        fresh.replace(self.folder / _LEADS_TO)

    def _through_the_door(self, url: str) -> str:
        return url.replace(f":{self.servers.postgres.port}/", f":{self.door_port}/")
