"""Requests through a real web server, beside an empty view and beside the service's own submit."""

import json
from datetime import datetime
from functools import partial
from typing import Final, Self

from django.db import connection

from billing.ids import new_id
from billing.insights.bench import card
from billing.insights.bench.asked import Asked
from billing.insights.bench.client import CONNECTIONS, Question
from billing.insights.bench.figures import Report, Side, interleaved, reported
from billing.insights.bench.hands import Deed, Hands
from billing.insights.bench.programs import Program, free_port, surroundings, wait_for_port
from billing.insights.bench.reading import token_of
from billing.insights.bench.scene import ROWS, Scene

WORKERS, THREADS = 2, 8  # as in the Dockerfile
_GOAL: Final = 0.5
_EMPTY: Final = "limit: empty Django view, and the client"
_SERVICE: Final = f"limit: submit by the service, {WORKERS} x {THREADS} threads"
_HEAD: Final = (
    "{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    "Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
)
_ORDER: Final = json.dumps({**card.spec(ROWS), "inputs": {"prompt": "a bench"}})


def run(asked: Asked) -> Report:
    """Ask by sixteen connections, each in the name of an account of its own."""
    people = [Scene.fresh(asked.now) for _number in range(CONNECTIONS)]
    names = [token_of(one.account, now=asked.now) for one in people]
    with (
        WebServer("billing.insights.bench.empty") as empty,
        WebServer("config.wsgi") as server,
        Hands(partial(_submits, people, asked.now), processes=WORKERS, threads=THREADS) as hands,
    ):
        ask = partial(question, server.port, names)
        sides = [
            Side(_EMPTY, question(empty.port, names, "GET", "/").turn),
            Side("GET /v1/balance", ask("GET", "/v1/balance").turn, _EMPTY),
            Side("GET /v1/catalog", ask("GET", "/v1/catalog").turn, _EMPTY),
            Side("POST /v1/quotes", ask("POST", "/v1/quotes").turn, _EMPTY),
            Side(_SERVICE, hands.turn),
            Side("POST /v1/jobs", ask("POST", "/v1/jobs", status=201).turn, _SERVICE, _GOAL),
        ]
        cases = interleaved(sides, asked.effort)
    return reported(cases, f"{WORKERS} workers of {THREADS} threads, {CONNECTIONS} connections.")


class WebServer(Program):
    """An application, served as the Dockerfile does."""

    def __init__(self, application: str) -> None:
        self.port = free_port()
        command = [
            *("-m", "gunicorn", application, "--bind", f"127.0.0.1:{self.port}"),
            *("--worker-class", "config.web.Worker"),
            *("--workers", str(WORKERS), "--threads", str(THREADS), "--forwarded-allow-ips="),
            *("--no-control-socket", "--worker-tmp-dir", "/dev/shm"),  # noqa: S108 (a memory disk)
        ]
        super().__init__(command, **surroundings())

    def __enter__(self) -> Self:
        """Go on once it takes connections."""
        try:
            wait_for_port(self.port)
        except TimeoutError:
            self.stop()
            raise
        return self


def _submits(people: list[Scene], now: datetime, number: int) -> Deed:
    connection.ensure_connection()  # which nobody shall measure
    return Deed(Scene(account=people[number % len(people)].account, now=now).submit)


def question(port: int, names: list[str], verb: str, path: str, *, status: int = 200) -> Question:
    """Return what people of these tokens ask; whoever posts orders a video."""
    body = _ORDER if verb == "POST" else ""
    return Question(port, partial(_request, names, verb, path, body), status)


def _request(names: list[str], verb: str, path: str, body: str, number: int) -> bytes:
    head = _HEAD.format(
        verb=verb, path=path, token=names[number], key=new_id("key"), length=len(body)
    )
    return (head + body).encode()
