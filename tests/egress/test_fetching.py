"""Downloads from addresses that strangers chose; what must not be reached is a canary."""

import gzip
import io
import ipaddress
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import transaction

from billing import egress
from billing.egress import FetchPolicy, TooLarge, Unreachable
from tests.egress.file_server import (
    FILM,
    FileServer,
    Play,
    dripping,
    flooding,
    giving,
    leading,
    resetting,
    saying,
    silent,
)
from tests.egress.test_addresses import PRIVATE, WRONG_URLS

LOOPBACK = FetchPolicy(allowed=(ipaddress.ip_network("127.0.0.1/32"),), silence_seconds=30)
# For servers that never end: whatever the load, they are too late.
HASTY = replace(LOOPBACK, timeout_seconds=0.6, silence_seconds=0.3)
MIB = 1024 * 1024


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as serving:
        serving.plays["/film.mp4"] = giving()
        yield serving


@pytest.fixture
def canary() -> Iterator[FileServer]:
    """Return a server that must never be called."""
    with FileServer() as listening:
        yield listening
        assert listening.requests == []


def fetched(url: str, policy: FetchPolicy = LOOPBACK, **headers: str) -> bytes:
    into = io.BytesIO()
    size = egress.fetch(url, into, bytes_max=MIB, policy=policy, headers=headers)
    assert size == len(into.getvalue())
    return into.getvalue()


def trouble_of(url: str, policy: FetchPolicy = LOOPBACK) -> str:
    with pytest.raises(Unreachable) as refused:
        fetched(url, policy)
    return refused.value.trouble


def standing_for(*found: str) -> FetchPolicy:
    """Return a policy whose every name stands for these addresses."""

    def resolve(_host: str, _port: int) -> Sequence[str]:
        return found

    return replace(LOOPBACK, resolve=resolve)


def test_a_file_comes_whole_and_asked_for_as_it_is(server: FileServer) -> None:
    assert fetched(server.url("/film.mp4"), Authorization="Bearer key") == FILM

    [request] = server.requests
    assert request.startswith("GET /film.mp4 HTTP/1.1\r\n")
    assert "Accept-Encoding: identity" in request
    assert "Authorization: Bearer key" in request


@pytest.mark.parametrize("url", WRONG_URLS)
def test_what_is_no_plain_url_is_not_fetched(url: str) -> None:
    assert trouble_of(url) == "address"


def test_a_file_is_fetched_from_an_address_as_long_and_odd_as_stores_sign_them(
    server: FileServer,
) -> None:
    token = "t" * 5000
    server.plays[f"/%E7%89%87.mp4?policy=a%7Cb&token={token}"] = giving()
    policy = standing_for("127.0.0.1")

    url = server.url(f"/片.mp4?policy=a|b&token={token}#t=0", host="my_bucket.example.com")

    assert fetched(url, policy) == FILM
    server.plays["/away"] = leading(url)
    assert fetched(server.url("/away", host="films.example.com"), policy) == FILM


@pytest.mark.parametrize("text", PRIVATE)
def test_a_private_address_is_not_fetched_from_by_number(text: str) -> None:
    host = f"[{text}]" if ":" in text else text
    opened = ipaddress.ip_network("127.0.0.1/32")
    policy = FetchPolicy(allowed=() if text == "127.0.0.1" else (opened,))

    assert trouble_of(f"https://{host}/film.mp4", policy) == "address"


@pytest.mark.parametrize("text", PRIVATE)
def test_a_private_address_is_not_fetched_from_by_name(text: str, canary: FileServer) -> None:
    policy = replace(standing_for("8.8.8.8", text), allowed=())

    assert trouble_of(f"https://films.example.com:{canary.port}/", policy) == "address"


@pytest.mark.parametrize("text", [text for text in PRIVATE if text != "127.0.0.1"])
def test_a_redirect_leads_to_no_private_address(text: str, server: FileServer) -> None:
    server.plays["/away"] = leading(f"https://{f'[{text}]' if ':' in text else text}/film.mp4")

    assert trouble_of(server.url("/away")) == "address"
    assert len(server.requests) == 1


@pytest.mark.parametrize("there", ["//user@127.0.0.1/x", "ftp://127.0.0.1/", "https://2130706433/"])
def test_a_redirect_is_read_as_strictly_as_the_first_address(
    there: str, server: FileServer
) -> None:
    server.plays["/away"] = leading(there)

    assert trouble_of(server.url("/away")) == "address"


def test_a_redirect_of_a_public_name_reaches_no_canary(
    server: FileServer, canary: FileServer
) -> None:
    """The canary listens on the loopback, beside the one address that is open."""
    server.plays["/away"] = leading(f"http://127.0.0.2:{canary.port}/film.mp4")
    assert trouble_of(server.url("/away")) == "address"

    def rebinding(host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"] if host == "first.example.com" else ["127.0.0.2"]

    server.plays["/on"] = leading(f"http://second.example.com:{canary.port}/film.mp4")
    policy = replace(LOOPBACK, resolve=rebinding)
    assert trouble_of(server.url("/on", host="first.example.com"), policy) == "address"


def test_what_was_checked_is_what_is_fetched_from(server: FileServer) -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    policy = replace(LOOPBACK, resolve=rebinding)

    assert fetched(server.url(host="films.example.com"), policy) == FILM
    assert asked == ["films.example.com"]
    # The next request asks anew, and is judged by the answer of then.
    assert trouble_of(server.url(host="films.example.com"), policy) == "address"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P"])
def test_three_redirects_are_followed_and_no_fourth(server: FileServer, status: str) -> None:
    for step in range(4):
        server.plays[f"/{step}"] = leading(f"/{step + 1}", status)
    server.plays["/4"] = giving()

    assert fetched(server.url("/1")) == FILM
    assert trouble_of(server.url("/0")) == "redirect"
    assert len(server.requests) == 8


@pytest.mark.parametrize(
    "odd", [saying("302 Found"), leading("\u00e9"), saying("304 Not Modified")]
)
def test_a_redirect_to_nowhere_is_no_file(server: FileServer, odd: Play) -> None:
    server.plays["/odd"] = odd

    assert trouble_of(server.url("/odd")) in {"redirect", "status"}


def test_a_key_stays_with_the_host_that_it_was_meant_for(server: FileServer) -> None:
    with FileServer() as other:
        other.plays["/film.mp4"] = leading(server.url("/again"))
        server.plays |= {"/here": leading("/there"), "/there": leading(other.url())}
        server.plays["/again"] = giving()

        assert fetched(server.url("/here"), Authorization="Bearer key") == FILM

        here, there, again = server.requests
        assert "Bearer key" in here
        assert "Bearer key" in there
        assert "key" not in other.requests[0]
        assert "key" not in again  # the way back was chosen by the other host


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "500 Oops", "204 No Content"])
def test_what_is_not_there_now_is_no_file(server: FileServer, status: str) -> None:
    server.plays["/film.mp4"] = saying(status, b"<html>")

    assert trouble_of(server.url()) == "status"


def test_a_file_above_the_cap_is_left_where_it_is(server: FileServer) -> None:
    server.plays |= {"/said": saying("200 OK", length=100 * MIB), "/unsaid": flooding}

    for path in ("/said", "/unsaid"):
        into = io.BytesIO()
        with pytest.raises(TooLarge):
            egress.fetch(server.url(path), into, bytes_max=MIB, policy=LOOPBACK)
        assert len(into.getvalue()) <= MIB


def test_a_bomb_is_not_unpacked(server: FileServer) -> None:
    packed = gzip.compress(bytes(50 * MIB))
    server.plays["/bomb"] = giving(packed, "Content-Encoding: gzip")

    assert fetched(server.url("/bomb")) == packed


@pytest.mark.parametrize("play", [silent, dripping])
def test_what_comes_too_late_is_no_file(server: FileServer, play: Play) -> None:
    server.plays["/film.mp4"] = play

    assert trouble_of(server.url(), HASTY) == "timeout"


@pytest.mark.parametrize(
    ("play", "trouble"),
    [
        (resetting, "connection"),
        (saying("200 OK", FILM, length=len(FILM) + 1), "protocol"),
        (lambda connection: connection.sendall(b"220 mail ESMTP\r\n\r\n"), "protocol"),
    ],
)
def test_what_breaks_off_is_no_file(server: FileServer, play: Play, trouble: str) -> None:
    server.plays["/film.mp4"] = play

    assert trouble_of(server.url()) == trouble


def test_one_long_silence_is_enough_though_time_is_left(server: FileServer) -> None:
    server.plays["/film.mp4"] = silent
    patient = replace(LOOPBACK, timeout_seconds=600, silence_seconds=0.2)

    assert trouble_of(server.url(), patient) == "timeout"


def test_a_redirect_never_leaves_tls(certificate: Path) -> None:
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    policy = replace(
        standing_for("127.0.0.1"), tls=ssl.create_default_context(cafile=str(certificate))
    )

    with FileServer(tls=ours) as secure, FileServer() as plain:
        secure.plays |= {"/down": leading(plain.url()), "/on": leading("/film.mp4")}
        secure.plays["/film.mp4"] = giving()
        host = f"https://hooks.example.com:{secure.port}"

        assert fetched(f"{host}/on", policy) == FILM
        assert trouble_of(f"{host}/down", policy) == "redirect"
        assert plain.requests == []


def test_plain_http_is_for_opened_networks_only(canary: FileServer) -> None:
    assert trouble_of(canary.url(), FetchPolicy()) == "address"
    assert trouble_of("http://films.example.com/", standing_for("8.8.8.8")) == "address"


@pytest.mark.django_db(transaction=True)
def test_nothing_is_fetched_while_rows_are_locked(canary: FileServer) -> None:
    with pytest.raises(RuntimeError, match="outside any transaction"), transaction.atomic():
        fetched(canary.url())


def test_a_server_that_was_named_is_open_at_its_own_port_alone(
    server: FileServer, canary: FileServer
) -> None:
    named = egress.trusting(egress.PUBLIC, server.url("/api"))

    assert fetched(server.url("/film.mp4"), named) == FILM
    for url in (canary.url(), server.url("/film.mp4", host="localhost")):
        assert trouble_of(url, named) == "address"
    server.plays["/away"] = leading(canary.url())
    assert trouble_of(server.url("/away"), named) == "address"
    assert [request.split(" ")[1] for request in server.requests] == ["/film.mp4", "/away"]


@pytest.mark.parametrize("url", ["", "http://a_b:8188", "http://127.1:80", "file:///etc"])
def test_a_server_that_was_named_unclearly_opens_nothing(url: str) -> None:
    assert egress.trusting(LOOPBACK, url) == LOOPBACK
