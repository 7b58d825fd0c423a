"""What holds for the films of every vendor; part of the contract."""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final

import pytest

from billing.egress import FetchPolicy, networks
from billing.gpu.protocol import Backend, BadOutput, Status
from tests.egress.file_server import FileServer, giving
from tests.gpu.vendors.base import Ending
from tests.gpu.vendors.bench import Bench
from tests.gpu.vendors.film import mp4

OPEN: Final = FetchPolicy(allowed=networks(("127.0.0.0/8",)), silence_seconds=30)


class Fetches:
    """The checks of fetching, over the wire.

    Attributes:
        films_are_its_own: they stand at the backend itself, and are asked for with the key; that
            host is open without being named again.
    """

    films_are_its_own: ClassVar[bool] = False

    @pytest.fixture
    def canary(self) -> Iterator[FileServer]:
        """A server on the closed loopback that has a film, too."""
        with FileServer() as server:
            server.plays["/film.mp4"] = giving(mp4())
            yield server

    def test_a_finished_film_is_fetched(self, bench: Bench) -> None:
        status = _finished(bench)

        assert _fetched(_opened(bench), status) == [("video/mp4", mp4())]
        [asked] = bench.simulator.asked("content" if self.films_are_its_own else "film")
        shown = any(bench.simulator.key in value for value in asked.headers.values())
        assert shown == self.films_are_its_own

    def test_a_film_stands_on_a_public_host_or_on_none(
        self, bench: Bench, canary: FileServer
    ) -> None:
        status = _finished(bench)
        bench.simulator.films_lead_to = canary.url() if self.films_are_its_own else ""

        with pytest.raises(BadOutput, match="not one that we fetch"):
            _fetched(bench.backend, status)

        assert (bench.simulator.asked("film"), canary.requests) == ([], [])

    def test_no_key_goes_along_to_another_host(self, bench: Bench, canary: FileServer) -> None:
        status = _finished(bench)
        bench.simulator.films_lead_to = canary.url()

        assert _fetched(_opened(bench), status) == [("video/mp4", mp4())]
        [asked] = canary.requests
        assert "authorization" not in asked.lower()
        assert bench.simulator.key not in asked


def _finished(bench: Bench) -> Status:
    """Return what is said of an order that has ended well, its film at the simulator."""
    bench.simulator.serves_films = True
    return bench.backend.poll(bench.brought_to(Ending.SUCCEEDED))


def _opened(bench: Bench) -> Backend:
    """Return the backend as an entry with `output_cidrs` makes it."""
    opened: Backend = replace(bench.backend, fetch=OPEN)  # type: ignore[type-var]  # each is a dataclass
    return opened


def _fetched(backend: Backend, status: Status) -> list[tuple[str, bytes]]:
    return [(output.mime, output.file.read()) for output in backend.fetch_outputs(status)]
