"""Which function answers which request: operations of the API, pages, and the test's knobs."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.stripe_peer.world import Thing, World

_VARIABLE: Final = re.compile(r"\{(\w+)\}")


@dataclass
class Asked:
    """One request: the variables of its address, and its parameters as they were checked."""

    ids: dict[str, str]
    params: Thing
    path: str = ""
    languages: str = ""  # that a browser accepts


@dataclass
class Page:
    """An answer for a browser; with a `location`, it is sent on."""

    html: str = ""
    status: int = 200
    location: str | None = None


@dataclass
class Route:
    """An address with its function; `spec` is the TypedDict of the parameters that it takes."""

    method: str
    pattern: re.Pattern[str]
    answer: Callable[[World, Asked], Any]
    spec: type | None = None


@dataclass
class Table:
    """The routes of one kind; the most literal address is looked at first."""

    routes: list[Route] = field(default_factory=list)

    def add(self, method: str, path: str, spec: type | None, answer: Callable[..., Any]) -> None:
        """Add a route whose `{names}` become `Asked.ids`."""
        pattern = re.compile(_VARIABLE.sub(r"(?P<\1>[^/]+)", path))
        self.routes.append(Route(method, pattern, answer, spec))
        self.routes.sort(key=lambda route: route.pattern.pattern.count("(?P"))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route of an address, and its variables."""
        for route in self.routes:
            fits = route.pattern.fullmatch(path)
            if fits and route.method == method:
                return route, fits.groupdict()
        return None


OPERATIONS: Final = Table()
PAGES: Final = Table()
KNOBS: Final = Table()

Operation = Callable[[World, Asked], Thing]
Viewed = Callable[[World, Asked], Page]


def operation(method: str, path: str, spec: type) -> Callable[[Operation], Operation]:
    """Make a function the answer to an operation of the API, with the parameters of `spec`."""

    def kept(answer: Operation) -> Operation:
        OPERATIONS.add(method, path, spec, answer)
        return answer

    return kept


def page(method: str, path: str) -> Callable[[Viewed], Viewed]:
    """Make a function the answer to a browser; its form's fields come unchecked."""

    def kept(answer: Viewed) -> Viewed:
        PAGES.add(method, path, None, answer)
        return answer

    return kept


def knob(method: str, path: str) -> Callable[[Operation], Operation]:
    """Make a function the answer to a test that steers the emulator, in JSON."""

    def kept(answer: Operation) -> Operation:
        KNOBS.add(method, f"/_emulator{path}", None, answer)
        return answer

    return kept
