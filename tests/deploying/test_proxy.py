"""The proxy of nginx.conf before a real web: what it takes whole, and how often it lets one in."""

import http.client
import json
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from billing.gpu.callbacks import callback_token
from config.embedded.processes import free_port
from tests.deploying.conftest import Place, ask, command_of_the_image, until

_NGINX: Final = shutil.which("nginx", path="/usr/sbin:/usr/bin")
_CONF: Final = Path(__file__).parents[2] / "docs" / "operations" / "nginx.conf"
_FILM_BYTES: Final = 80_000_000
_FIRST_BYTES: Final = 1 << 16
_PATIENCE_SECONDS: Final = 8

pytestmark = [
    pytest.mark.django_db,  # it is what is copied
    pytest.mark.skipif(_NGINX is None, reason="There is no nginx here: apt install nginx-light"),
]


@pytest.fixture(scope="module")
def port(place: Place) -> Iterator[int]:
    """The port of a proxy before a web as the image starts it."""
    web, own = free_port(), free_port()
    demo = {"kind": "cog", "url": "http://127.0.0.1:9", "secret": "s" * 16, "models": ["*"]}
    told = {"BACKENDS": json.dumps({"demo": {**demo, "concurrency": 1}})}
    place.run("proxied", command_of_the_image(web), **told)
    until(lambda: ask(web, "/healthz")[0] == 200)
    spool = place.folder / "spool"
    spool.mkdir()
    spool.chmod(0o777)  # its workers may have a user of their own
    text = _CONF.read_text()
    for there, here in [
        ("http://web:8000", f"http://127.0.0.1:{web}"),
        ("listen 8000 default_server", f"listen 127.0.0.1:{own}"),
        ("/run/nginx.pid", f"{place.folder}/nginx.pid"),
        ("/dev/stderr", f"{place.folder}/nginx.log"),
        ("access_log off;", f"access_log off; client_body_temp_path {spool};"),
    ]:
        assert there in text
        text = text.replace(there, here)
    written = place.folder / "nginx.conf"
    written.write_text(text)
    assert _NGINX is not None
    proxy = subprocess.Popen([_NGINX, "-c", str(written), "-g", "daemon off;"])  # noqa: S603 (our own words)
    try:
        until(lambda: ask(own, "/healthz")[0] == 200, seconds=10)
        yield own
    finally:
        proxy.terminate()
        proxy.wait(timeout=10)


def _begun(port: int, token: str, *, length: int | None = _FILM_BYTES) -> socket.socket:
    """Begin a callback: its head, and 64 KiB of what it promises."""
    said = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
    head = f"POST /webhooks/backends/demo/{token} HTTP/1.1\r\nHost: localhost\r\n{said}\r\n\r\n"
    talking = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    talking.sendall(head.encode() + (b" " * _FIRST_BYTES if length is not None else b""))
    return talking


def _status(talking: socket.socket) -> int:
    return int(talking.recv(4096).split()[1])


def test_whoever_has_no_token_is_answered_before_his_film_is_here(port: int) -> None:
    with _begun(port, "x.y") as stranger:
        assert _status(stranger) == 401


def test_who_was_sent_away_keeps_no_place_of_a_film(port: int) -> None:
    with ExitStack() as strangers:
        for _each in range(12):
            assert _status(strangers.enter_context(_begun(port, "x.y"))) == 401


def test_what_is_no_film_is_taken_whole_before_web_hears_of_it(port: int) -> None:
    length = 999_999
    with _begun(port, "x.y", length=length) as slow:
        slow.settimeout(1)
        with pytest.raises(TimeoutError):
            slow.recv(1)
        slow.settimeout(_PATIENCE_SECONDS)
        slow.sendall(b" " * (length - _FIRST_BYTES))
        assert _status(slow) == 401


def test_pieces_of_no_said_length_are_taken_up_to_a_mebibyte(port: int) -> None:
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    with _begun(port, "x.y", length=None) as short:
        short.sendall(piece + b"0\r\n\r\n")
        assert _status(short) == 401
    with _begun(port, "x.y", length=None) as endless:
        endless.sendall(piece * 17)
        assert _status(endless) == 413


def test_eight_slow_films_leave_web_its_other_threads(port: int) -> None:
    token = callback_token("att_nobody")
    with ExitStack() as films:
        for _slow in range(8):
            films.enter_context(_begun(port, token))
        time.sleep(0.5)
        with _begun(port, token) as ninth:
            assert _status(ninth) == 503
        assert ask(port, "/v1/openapi.json")[0] == 200

    def is_free() -> bool:
        with _begun(port, "x.y") as next_one:
            return _status(next_one) == 401

    until(is_free, seconds=5)


def test_probes_are_counted_by_address_and_nothing_else_is(port: int) -> None:
    def answered(path: str) -> int:
        connected = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
        try:
            connected.request("GET", path)
            return connected.getresponse().status
        finally:
            connected.close()

    with ThreadPoolExecutor(8) as many:
        probes = Counter(many.map(answered, ["/healthz"] * 60))
        others = Counter(many.map(answered, ["/v1/jobs"] * 40))

    assert probes.keys() == {200, 503}
    assert probes[503] >= 10
    assert others.keys() == {401}
