"""The adapter against servers that misbehave: what is certain, what nobody knows, no retry."""

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator

import httpcore
import pytest

from billing.egress.connecting import usual_authorities
from billing.gpu import wire
from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AttemptView,
    AuthError,
    CancelResult,
    Fail,
    NotSent,
    Readiness,
    Rejected,
    State,
    Unsupported,
)
from config.embedded.processes import free_port
from tests.gpu import faulty
from tests.gpu.faulty import Faulty, Script, answering

ATTEMPT = AttemptView(id="att_1", input={"prompt": "x"}, callback_url="http://127.0.0.1:9/nowhere")
MEGABYTE = 1024 * 1024
LOADED_SECONDS = 20  # on a machine that has much else to do; who waited to the end waits a minute
Server = Callable[[Script], Faulty]


@pytest.fixture
def server() -> Iterator[Server]:
    started: list[Faulty] = []

    def start(script: Script) -> Faulty:
        started.append(Faulty(script))
        return started[-1]

    yield start
    for one in started:
        one.close()


def backend_of(url: str, *, concurrency: int = 1) -> CogBackend:
    return CogBackend(base_url=url, secret="a-secret-of-16-letters", concurrency=concurrency)


@pytest.mark.parametrize(
    "script",
    [
        faulty.closes_at_once,
        faulty.closes_after_the_request,
        faulty.talks_garbage,
        faulty.breaks_off,
        faulty.floods,
        answering("500 Internal Server Error", b"oops"),
        answering("502 Bad Gateway", b"<html>"),
        answering("504 Gateway Timeout"),
        answering("408 Request Timeout"),
        answering("204 No Content"),
        answering("202 Accepted", b""),
        answering("202 Accepted", b"not json"),
        answering("202 Accepted", b"[1, 2]"),
        answering("202 Accepted", b"{}"),
        answering("202 Accepted", b'{"id": "att_2", "status": "starting"}'),
        answering("202 Accepted", b'{"id": "att_1", "status": 7}'),
        answering("202 Accepted", b'{"id": "att_1", "status": "starting", "x": NaN}'),
        answering("202 Accepted", b"[" * 100_000),
    ],
)
def test_sent_without_a_usable_answer_is_ambiguous_and_sent_once(
    server: Server, script: Script
) -> None:
    faulty_server = server(script)

    with pytest.raises(Ambiguous) as doubt:
        backend_of(faulty_server.base_url).submit(ATTEMPT)

    assert doubt.value.sent is None
    assert faulty_server.connections == 1


@pytest.mark.parametrize("script", [faulty.never_answers, faulty.drips])
def test_a_call_ends_in_its_time_however_slowly_the_other_side_talks(
    server: Server, script: Script
) -> None:
    faulty_server = server(script)
    started_at = time.monotonic()

    with pytest.raises(Ambiguous):
        wire.call("PUT", f"{faulty_server.base_url}/x", headers={}, body=b"{}", total_seconds=0.7)

    assert 0.6 < time.monotonic() - started_at < LOADED_SECONDS
    assert faulty_server.connections == 1


def test_an_answer_of_100_megabytes_is_not_read_to_its_end(server: Server) -> None:
    faulty_server = server(faulty.floods)
    started_at = time.monotonic()

    with pytest.raises(Ambiguous, match="larger than 1 MiB"):
        backend_of(faulty_server.base_url).submit(ATTEMPT)

    assert time.monotonic() - started_at < LOADED_SECONDS


def test_a_closed_port_is_not_sent() -> None:
    with pytest.raises(NotSent) as refusal:
        backend_of(f"http://127.0.0.1:{free_port()}").submit(ATTEMPT)

    assert refusal.value.sent is False


def test_an_unknown_host_is_not_sent() -> None:
    with pytest.raises(NotSent):
        backend_of("http://no-such-host.invalid").submit(ATTEMPT)


def test_a_failed_tls_handshake_is_not_sent(server: Server) -> None:
    plain = server(faulty.talks_garbage)

    with pytest.raises(NotSent):
        backend_of(plain.base_url.replace("http:", "https:")).submit(ATTEMPT)


def test_whom_a_certificate_is_believed_from_is_read_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_ever, read = httpcore.default_ssl_context, []

    def read_them() -> ssl.SSLContext:
        read.append("again")
        return as_ever()

    monkeypatch.setattr(httpcore, "default_ssl_context", read_them)
    usual_authorities.cache_clear()
    plain = server(faulty.talks_garbage)

    for _call in range(3):
        with pytest.raises(NotSent):
            backend_of(plain.base_url.replace("http:", "https:")).submit(ATTEMPT)

    assert read == ["again"]


def test_a_handshake_that_never_comes_is_not_sent(server: Server) -> None:
    def says_nothing(connection: socket.socket) -> None:
        connection.recv(65536)
        time.sleep(30)

    url = server(says_nothing).base_url.replace("http:", "https:")

    with pytest.raises(NotSent):
        wire.call("PUT", f"{url}/x", headers={}, body=b"{}", total_seconds=0.5)


@pytest.mark.parametrize("status", ["409 Conflict", "429 Too Many Requests", "503 Unavailable"])
def test_a_full_backend_is_told_apart(server: Server, status: str) -> None:
    with pytest.raises(AtCapacity) as refusal:
        backend_of(server(answering(status, b'{"error": "busy"}')).base_url).submit(ATTEMPT)

    assert refusal.value.sent is False
    assert refusal.value.retry_after_seconds == 0


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), ("999999", 3600), ("soon", 0), ("-1", 0)])
def test_what_a_full_backend_asks_for_is_bounded(server: Server, said: str, seconds: int) -> None:
    script = answering("429 Too Many Requests", headers=f"Retry-After: {said}\r\n")

    with pytest.raises(AtCapacity) as refusal:
        backend_of(server(script).base_url).submit(ATTEMPT)

    assert refusal.value.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "status",
    [
        "401 Unauthorized",
        "402 Payment Required",
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "302 Found",
    ],
)
def test_a_backend_that_refuses_us_is_no_refusal_of_the_order(server: Server, status: str) -> None:
    with pytest.raises(AuthError):
        backend_of(server(answering(status)).base_url).submit(ATTEMPT)


def test_a_redirect_is_not_followed(server: Server) -> None:
    elsewhere = server(answering("202 Accepted", b'{"id": "att_1", "status": "starting"}'))
    redirect = answering("307 Temporary Redirect", headers=f"Location: {elsewhere.base_url}/\r\n")

    with pytest.raises(AuthError):
        backend_of(server(redirect).base_url).submit(ATTEMPT)

    assert elsewhere.connections == 0


def test_a_refused_order_says_which_field(server: Server) -> None:
    detail = {"detail": [{"loc": ["body", "input", "seconds"], "msg": "31 is too many"}]}
    script = answering("422 Unprocessable Entity", json.dumps(detail).encode())

    with pytest.raises(Rejected) as refusal:
        backend_of(server(script).base_url).submit(ATTEMPT)

    assert refusal.value.message == "seconds: 31 is too many"
    assert refusal.value.fail == Fail.INVALID_INPUT


def test_a_prompt_moderated_at_submit_is_told_apart(server: Server) -> None:
    script = answering("400 Bad Request", b'{"error": "NSFW prompt"}')

    with pytest.raises(Rejected) as refusal:
        backend_of(server(script).base_url).submit(ATTEMPT)

    assert refusal.value.fail == Fail.MODERATION


def test_our_own_id_in_flight_behind_a_409_is_accepted(server: Server) -> None:
    faulty_server = server(a_cog(in_flight=True, full=True, coglet="0.23.1"))

    status = backend_of(faulty_server.base_url).submit(ATTEMPT)

    assert status.state == State.RUNNING
    assert status.progress == 0.5


@pytest.mark.parametrize(
    ("coglet", "word", "concurrency", "found"),
    [
        ("0.23.1", "READY", 2, State.ABSENT),  # probed
        ("0.23.1", "BUSY", 2, State.ABSENT),  # probed
        ("0.99.0", "READY", 2, None),  # its order of checks is not known: not probed
        ("0.99.0", "READY", 1, State.ABSENT),  # one slot, and it is free
        ("0.99.0", "BUSY", 1, None),
        ("", "READY", 1, State.ABSENT),  # Cog's older Python server
        ("", "READY", 4, None),
        ("0.23.1", "STARTING", 1, None),
        ("0.23.1", "DEFUNCT", 1, None),
    ],
)
def test_a_backend_is_asked_only_what_it_can_answer(
    server: Server, coglet: str, word: str, concurrency: int, found: State | None
) -> None:
    script = a_cog(in_flight=False, full=word == "BUSY", coglet=coglet, word=word)
    backend = backend_of(server(script).base_url, concurrency=concurrency)

    answer = backend.find(ATTEMPT)

    assert (answer.state if answer else None) == found


def test_a_server_without_a_schema_is_never_probed(server: Server) -> None:
    puts: list[bytes] = []
    script = a_cog(in_flight=False, full=False, coglet="0.23.1", schema=False, puts=puts)

    assert backend_of(server(script).base_url, concurrency=2).find(ATTEMPT) is None

    assert puts == []


def test_a_probe_that_started_something_takes_it_back(server: Server) -> None:
    cancels: list[bytes] = []
    script = a_cog(in_flight=False, full=False, coglet="0.23.1", validates=False, cancels=cancels)

    assert backend_of(server(script).base_url).find(ATTEMPT) is None

    assert len(cancels) == 1


def test_a_backend_in_trouble_cannot_tell(server: Server) -> None:
    for script in (faulty.closes_at_once, faulty.talks_garbage, answering("500 Oops", b"{}")):
        backend = backend_of(server(script).base_url)

        assert backend.find(ATTEMPT) is None
        assert backend.health().readiness == Readiness.DOWN


def test_cancel_of_what_is_not_there_is_absent(server: Server) -> None:
    assert (
        backend_of(server(answering("404 Not Found", b"{}")).base_url).cancel(ATTEMPT)
        == CancelResult.ABSENT
    )


def test_cancel_without_an_answer_is_not_taken_for_done(server: Server) -> None:
    with pytest.raises(Ambiguous):
        backend_of(server(faulty.closes_after_the_request).base_url).cancel(ATTEMPT)


def test_cog_cannot_be_polled() -> None:
    backend = backend_of("http://127.0.0.1:9")

    assert not backend.caps.poll
    with pytest.raises(Unsupported):
        backend.poll(ATTEMPT)


def test_an_id_cannot_leave_its_place_in_the_path(server: Server) -> None:
    seen: list[bytes] = []

    def note(connection: socket.socket) -> None:
        seen.append(faulty.read_request(connection))
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    backend_of(server(note).base_url).cancel(AttemptView(id="../shutdown?x=\r\ny"))

    assert seen[0].startswith(b"POST /predictions/..%2Fshutdown%3Fx%3D%0D%0Ay/cancel HTTP/1.1\r\n")


def a_cog(
    *,
    in_flight: bool,
    full: bool,
    coglet: str,
    word: str = "READY",
    schema: bool = True,
    validates: bool = True,
    puts: list[bytes] | None = None,
    cancels: list[bytes] | None = None,
) -> Script:
    """Return a script that speaks as a Cog server in that state does."""
    snapshot = {"id": "att_1", "status": "processing", "input": {}, "metrics": {"progress": 0.5}}

    def put(body: bytes) -> tuple[str, object]:
        if in_flight and b'"input": {}' in body:
            return "202 Accepted", snapshot
        if b'"input": {}' in body and validates:
            return "422 Unprocessable Entity", {"detail": []}
        if full:
            return "409 Conflict", {"error": "At capacity"}
        return "202 Accepted", {"id": "att_1", "status": "starting"}

    def play(connection: socket.socket) -> None:
        request = faulty.read_request(connection)
        answer: tuple[str, object] = ("503 Unavailable", {})
        if request.startswith(b"GET /health-check"):
            version = {"coglet": coglet} if coglet else {}
            answer = ("200 OK", {"status": word, "version": version})
        elif request.startswith(b"GET /openapi.json") and schema:
            required = {"required": ["prompt"]}
            answer = ("200 OK", {"components": {"schemas": {"Input": required}}})
        elif request.startswith(b"POST"):
            (cancels if cancels is not None else []).append(request)
            answer = ("200 OK", {})
        elif request.startswith(b"PUT"):
            (puts if puts is not None else []).append(request)
            answer = put(request)
        body = json.dumps(answer[1]).encode()
        head = f"HTTP/1.1 {answer[0]}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    return play
