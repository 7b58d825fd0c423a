"""A real process that serves the API: the command that `./run serve` and the containers use."""

from pathlib import Path

from config.embedded.serve import web_command
from tests.events.server import EventsServer


class WebServer(EventsServer):
    """Two processes of eight threads on loopback, on the database of the tests."""

    def _command(self) -> list[str | Path]:
        return web_command(self.port)
