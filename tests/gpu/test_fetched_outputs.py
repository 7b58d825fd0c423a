"""Outputs that stand on a host: fetched over HTTP, judged by their bytes, where allowed."""

from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from billing.egress import PUBLIC, FetchPolicy, networks
from billing.gpu import adapters, registry
from billing.gpu.kinds import Connection, Kind
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import Backend, BadOutput, NotFetched, OddOutput
from tests.egress.file_server import FileServer, giving, leading, saying
from tests.gpu.test_outputs import film
from tests.gpu.test_pictures import made

OPEN = FetchPolicy(allowed=networks(("127.0.0.0/8",)), silence_seconds=30)
ENTRY = {
    "kind": "cog",
    "url": "http://127.0.0.1:9",
    "secret": "a-secret-that-guards-nothing",
    "models": ["*"],
}


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as serving:
        yield serving


def facts(address: str, **headers: str) -> tuple[str, int, int, bytes]:
    [found] = [
        (output.mime, output.milliseconds, output.width, output.file.read())
        for output in read_outputs([address], policy=OPEN, headers=headers)
    ]
    return found


def test_a_film_is_one_whatever_its_host_calls_it(server: FileServer) -> None:
    server.plays["/x"] = giving(film(), "Content-Type: text/html")

    assert facts(server.url("/x"), Authorization="Bearer key") == ("video/mp4", 5000, 640, film())
    assert "Authorization: Bearer key" in server.requests[0]


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg", "image/webp"])
def test_a_picture_is_one_whatever_its_host_calls_it(server: FileServer, mime: str) -> None:
    server.plays["/x"] = giving(made(mime), "Content-Type: video/mp4")

    assert facts(server.url("/x")) == (mime, 0, 96, made(mime))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", film()[:-1], made("image/png")[:-1], b"#!/bin/sh"]
)
def test_what_is_neither_is_odd(server: FileServer, body: bytes) -> None:
    server.plays["/x"] = giving(body, "Content-Type: video/mp4")

    with pytest.raises(OddOutput, match="not a usable mp4"):
        facts(server.url("/x"))


def test_what_another_try_could_mend_is_not_bad(server: FileServer) -> None:
    server.plays["/x"] = saying("503 Later")

    with pytest.raises(NotFetched, match=r"at 127\.0\.0\.1 could not be fetched: status"):
        facts(server.url("/x?signature=secret"))


def test_no_sentence_holds_the_signature_of_an_address(server: FileServer) -> None:
    for address in (server.url("/x?sig=s3cr3t"), "https://10.0.0.1/x?sig=s3cr3t"):
        with pytest.raises((BadOutput, NotFetched)) as refused:
            facts(address)
        assert "s3cr3t" not in refused.value.message


def test_the_loopback_is_closed_to_outputs_by_itself(server: FileServer) -> None:
    server.plays["/x"] = leading(server.url("/y"))

    with pytest.raises(BadOutput, match="not one that we fetch"):
        next(read_outputs([server.url("/x")]))
    assert server.requests == []


def test_a_backend_opens_the_networks_of_its_entry_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: dict[str, FetchPolicy] = {}
    cog = adapters.kinds()["cog"]

    def build(connection: Connection) -> Backend:
        built[connection.name] = connection.fetch
        return cog.build(connection)

    monkeypatch.setattr(adapters, "kinds", lambda: {"cog": Kind(build=build)})
    settings.BACKENDS = {"own": {**ENTRY, "output_cidrs": ["10.1.0.0/16"]}, "other": ENTRY}
    registry.backend_for("own")
    registry.backend_for("other")

    assert built["own"].allowed == networks(("10.1.0.0/16",))
    assert built["other"] == PUBLIC


def test_a_network_that_is_none_is_named(settings: Settings) -> None:
    settings.BACKENDS = {"own": {**ENTRY, "output_cidrs": ["10.1.0.1/16"]}}

    with pytest.raises(ImproperlyConfigured, match=r"own\.output_cidrs\.0"):
        registry.configured()
