"""The way out: real sockets, and resolvers that lie."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
from django.db import transaction

from billing import egress
from billing.egress import Policy, Unreachable
from tests.egress.receiver import Answer, RawReceiver, Receiver

LOOPBACK = Policy(allowed=(ipaddress.ip_network("127.0.0.0/8"),), timeout_seconds=5)
LOADED_SECONDS = 20  # on a machine that has much else to do; the other side goes on for longer


def send(url: str, policy: Policy) -> egress.Reply:
    return egress.post(url, headers={"webhook-id": "evt_1"}, body=b"{}", policy=policy)


def trouble_of(url: str, policy: Policy) -> str:
    with pytest.raises(Unreachable) as refused:
        send(url, policy)
    return refused.value.trouble


class Resolver:
    """Answers one list after another, and remembers how often it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.asked = 0
        self._answers = answers

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the next answer; the last one for ever."""
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return answer


def test_a_message_arrives_with_its_host_and_path(receiver: Receiver) -> None:
    receiver.answers.append(Answer(200, body=b"thanks"))

    reply = send(receiver.url, LOOPBACK)

    assert (reply.status, reply.body) == (200, b"thanks")
    [received] = receiver.received
    assert (received.path, received.body) == ("/hooks?of=linggan", "{}")
    assert received.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert received.headers["webhook-id"] == "evt_1"


def test_a_private_address_is_not_called_unless_it_is_allowed(receiver: Receiver) -> None:
    elsewhere = replace(LOOPBACK, allowed=(ipaddress.ip_network("127.0.0.2/32"),))

    assert trouble_of(receiver.url, Policy()) == "address"
    assert trouble_of(receiver.url, elsewhere) == "address"
    assert trouble_of(receiver.url.replace("http:", "https:"), Policy()) == "address"
    assert receiver.received == []


@pytest.mark.parametrize(
    "answer",
    [
        *(["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"]),
        *(["64:ff9b::7f00:1"], ["2002:7f00:1::"], ["fe80::1%eth0"], ["fd00:ec2::254"]),
        *(["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700::1111", "10.0.0.1"]),
    ],
)
def test_a_name_with_any_private_address_is_not_called(
    receiver: Receiver, answer: list[str]
) -> None:
    lying = Policy(resolve=Resolver(answer))

    assert trouble_of(f"https://hooks.example.com:{receiver.port}/", lying) == "address"
    assert receiver.received == []


def test_a_name_is_asked_for_once_and_what_was_checked_is_what_is_called(
    receiver: Receiver,
) -> None:
    rebinding = Resolver(["127.0.0.1"], ["127.0.0.2"])

    reply = send(
        f"http://hooks.example.com:{receiver.port}/x", replace(LOOPBACK, resolve=rebinding)
    )

    assert reply.status == 204
    assert rebinding.asked == 1
    assert receiver.received[0].headers["Host"] == f"hooks.example.com:{receiver.port}"


def test_a_name_that_turns_private_after_the_check_gains_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], *_more: object, **_options: object) -> socket.socket:
        called.append(address)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", connect)
    rebinding = Resolver(["9.9.9.9"], ["127.0.0.1"])
    url = f"https://hooks.example.com:{receiver.port}/"

    assert trouble_of(url, Policy(resolve=rebinding)) == "connection"
    assert called == [("9.9.9.9", receiver.port)]
    assert trouble_of(url, Policy(resolve=rebinding)) == "address"
    assert len(called) == 1


def test_plain_http_is_for_allowed_networks_only() -> None:
    public = replace(LOOPBACK, resolve=Resolver(["8.8.8.8"]))

    assert trouble_of("http://hooks.example.com/", public) == "address"


@pytest.mark.parametrize(
    "url", ["https://2130706433/", "https://0x7f.1/", "https://a@127.0.0.1/", "ftp://x.com/", ""]
)
def test_a_url_that_could_not_have_been_stored_is_not_called(url: str) -> None:
    assert trouble_of(url, LOOPBACK) == "address"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver, status: int) -> None:
    with Receiver() as canary:
        receiver.answers.append(Answer(status, headers={"Location": canary.url}))

        assert send(receiver.url, LOOPBACK).status == status
        assert canary.received == []


def test_a_proxy_of_the_environment_is_not_asked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        assert send(receiver.url, LOOPBACK).status == 204
        assert proxy.received == []


def test_a_long_reply_is_cut(receiver: Receiver) -> None:
    receiver.answers.append(Answer(200, body=b"x" * 200_000))

    assert len(send(receiver.url, LOOPBACK).body) == 64 * 1024


def endless(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def dumb(connection: socket.socket) -> None:
    connection.recv(4096)


def dripping_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X: y\r\n")
        time.sleep(0.05)


def hints_for_ever(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        time.sleep(0.05)


def dripping_body(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nbegun")
    while True:
        time.sleep(0.05)
        connection.sendall(b".")


def babble(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"220 mail.example.com ESMTP\r\n\r\n")


def hang_up(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.shutdown(socket.SHUT_RDWR)


def test_an_endless_reply_costs_no_more_than_its_beginning() -> None:
    with RawReceiver(endless) as receiver:
        reply = send(receiver.url, LOOPBACK)

    assert (reply.status, len(reply.body)) == (200, 64 * 1024)


@pytest.mark.parametrize("slow", [dumb, dripping_headers, hints_for_ever])
def test_a_receiver_that_takes_its_time_is_left_after_ours(
    slow: Callable[[socket.socket], None],
) -> None:
    began = monotonic()

    with RawReceiver(slow) as receiver:
        assert trouble_of(receiver.url, replace(LOOPBACK, timeout_seconds=0.5)) == "timeout"

    assert monotonic() - began < LOADED_SECONDS


def test_a_receiver_that_said_its_status_has_answered_though_its_body_never_ends() -> None:
    began = monotonic()

    with RawReceiver(dripping_body) as receiver:
        reply = send(receiver.url, replace(LOOPBACK, timeout_seconds=0.5))

    assert reply.status == 200
    assert reply.body.startswith(b"begun")
    assert monotonic() - began < LOADED_SECONDS


@pytest.mark.parametrize("broken", [babble, hang_up])
def test_what_does_not_speak_http_is_no_answer(broken: Callable[[socket.socket], None]) -> None:
    with RawReceiver(broken) as receiver:
        assert trouble_of(receiver.url, LOOPBACK) == "protocol"


def test_nobody_there_is_no_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"

        assert trouble_of(url, LOOPBACK) == "connection"


def test_a_name_that_nobody_knows_is_no_connection() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(host, port)

    policy = replace(LOOPBACK, resolve=unknown)

    assert trouble_of("https://nowhere.example.com/", policy) == "connection"


def test_a_resolver_that_never_answers_is_left_too() -> None:
    is_over = threading.Event()

    def hanging(host: str, port: int) -> Sequence[str]:
        is_over.wait(60)
        raise socket.gaierror(host, port)

    policy = replace(LOOPBACK, resolve=hanging, timeout_seconds=0.3)
    began = monotonic()

    try:
        assert trouble_of("https://slow.example.com/", policy) == "timeout"
        assert monotonic() - began < LOADED_SECONDS
    finally:
        is_over.set()


def test_tls_is_checked_against_the_name_though_an_address_is_called(certificate: Path) -> None:
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    named: list[str | None] = []
    ours.sni_callback = lambda _socket, name, _context: named.append(name)
    trusting = replace(
        LOOPBACK,
        resolve=Resolver(["127.0.0.1"]),
        tls=ssl.create_default_context(cafile=str(certificate)),
    )

    with Receiver(tls=ours) as receiver:
        reply = send(f"https://hooks.example.com:{receiver.port}/", trusting)
        wrong_name = trouble_of(f"https://other.example.com:{receiver.port}/", trusting)
        usual = trouble_of(
            f"https://hooks.example.com:{receiver.port}/", replace(trusting, tls=None)
        )

    assert reply.status == 204
    assert named[0] == "hooks.example.com"
    assert (wrong_name, usual) == ("tls", "tls")
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "http://example.com/", "https://0x7f.1/"]
)
def test_a_url_that_could_never_be_called_is_refused_by_its_spelling(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        egress.check_url(url, Policy())


@pytest.mark.parametrize("url", ["https://hooks.example.com/", "http://127.0.0.1:9000/x"])
def test_a_url_that_may_be_called_passes_unresolved(url: str) -> None:
    silent = replace(LOOPBACK, resolve=Resolver())

    assert egress.check_url(url, silent).path


@pytest.mark.django_db(transaction=True)
def test_nobody_is_called_while_rows_are_locked(receiver: Receiver) -> None:
    with pytest.raises(RuntimeError, match="outside any transaction"), transaction.atomic():
        send(receiver.url, LOOPBACK)

    assert receiver.received == []
