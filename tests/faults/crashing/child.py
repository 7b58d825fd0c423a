"""One act of the service in a process of its own, whose every connection leads through the proxy.

The process is forked from a warm one, so that a case takes a tenth of a second. What it does is
what production does: a request through the WSGI application, a task as Celery calls it, a command.
"""

import io
import json
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import RequestFactory

from billing.outbox import gateway
from billing.outbox.models import Message
from config.celery import app
from tests.faults.proxy.cutting import Cut, Proxy, Told

PATIENCE_SECONDS: Final = 90
_NUDGES_SECONDS: Final = 3
_CHUNK: Final = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller was told; status 0: nothing."""

    status: int = 0
    body: str = ""

    @property
    def is_final(self) -> bool:
        """Whether a careful caller rests his case: neither nothing, nor "try again"."""
        return self.status != 0 and self.status < 500 and self.status not in (409, 425, 429)


class Act(Protocol):
    """What the process does."""

    def do(self) -> Answer:
        """Do it; return what its caller is told."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call over HTTP; whoever gets no answer makes the same one again."""

    method: str
    path: str
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def do(self) -> Answer:
        """Have it answered by the WSGI application, as gunicorn would."""
        made = RequestFactory(SERVER_NAME="127.0.0.1").generic(
            self.method, self.path, self.body, "application/json", headers=dict(self.headers)
        )
        statuses: list[str] = []
        parts = application()(
            made.environ, lambda status, _headers, *_more: statuses.append(status)
        )
        body = b"".join(parts)
        parts.close()
        return Answer(int(statuses[-1].split(" ")[0]), body.decode())


@dataclass(frozen=True, slots=True)
class Errand:
    """A message of the outbox, run as a worker runs it; nobody but the outbox repeats it."""

    message_id: str

    def do(self) -> Answer:
        """Run it."""
        message = Message.objects.get(pk=self.message_id)
        app.tasks[message.task](message_id=message.pk, **message.arguments)
        return Answer()


@dataclass(frozen=True, slots=True)
class Sweep:
    """A periodic task, run as a worker runs it; the scheduler calls for it again."""

    task: str

    def do(self) -> Answer:
        """Run it."""
        app.tasks[self.task]()
        return Answer()


@dataclass(frozen=True, slots=True)
class Command:
    """An operator's command; who sees an error looks how things stand, and repeats it."""

    name: str
    options: Mapping[str, Any]
    is_done: Callable[[], bool]

    def do(self) -> Answer:
        """Run it; status 200: it ended well."""
        said = io.StringIO()
        call_command(self.name, stdout=said, stderr=said, **self.options)
        return Answer(200, said.getvalue())


@cache
def application() -> Callable[..., Any]:
    """Return the WSGI application; to be loaded once, before anything is forked."""
    return get_wsgi_application()


def run(act: Act, proxy: Proxy, led: Mapping[int, str], cut: Cut | None) -> tuple[Answer, Told]:
    """Do `act` in a child, but for `cut`; return what its caller was told, and what was seen.

    Args:
        led: by a server's port the link on which it is reached.
    """
    connections.close_all()
    proxy.forget_callers()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            tell = _teller(writing)
            _lead_through(proxy, led)
            tell(act.do())
            gateway.drain(timeout_seconds=_NUDGES_SECONDS)
        except BaseException:  # noqa: BLE001 (whatever it is, the process ends by it)
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    told = proxy.accompany(pid, cut, patience_seconds=PATIENCE_SECONDS)
    with os.fdopen(reading) as heard:
        said = heard.read()
    return (Answer(*json.loads(said.splitlines()[0])) if said else Answer()), told


class Caller:
    """Who waits for a child's answer; what he was told first is what counts. Only in a child."""

    tell: Callable[[Answer], None] | None = None


def _teller(writing: int) -> Callable[[Answer], None]:
    def tell(answer: Answer) -> None:
        if answer.status:
            os.write(writing, json.dumps([answer.status, answer.body]).encode() + b"\n")

    Caller.tell = staticmethod(tell)
    return tell


def _lead_through(proxy: Proxy, led: Mapping[int, str]) -> None:
    """Let every connection of this process go through the proxy, whatever opens it."""
    straight = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:  # noqa: ANN401 (as the library's)
        if isinstance(address, tuple) and address[1] in led:
            address = (address[0], proxy.port(led[address[1]]), *address[2:])
        straight(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign,assignment]  # ours alone
    # What libpq opens, Python does not see.
    connections["default"].settings_dict["PORT"] = str(proxy.port("postgres"))


def port_of(url: str) -> int:
    """Return the port of an address."""
    port = urlsplit(url).port
    assert port is not None, "they are all our own"
    return port
