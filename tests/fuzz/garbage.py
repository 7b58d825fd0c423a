"""Raw bytes, as no client of ours would send them, to every door; only a wire knows them."""

import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random
from typing import Final

from tests.fuzz.tally import Tally

ROLE: Final = "garbage"
_THREADS: Final = 4
_TIMEOUT_SECONDS: Final = 30
_ANSWER_BYTES: Final = 65536
_SHOWN_BYTES: Final = 800
_BROKEN: Final = 500
_REFUSAL: Final = range(400, 500)
_FOR_PROGRAMS: Final = (b"/v1", b"/webhooks", b"/healthz", b"/readyz")
_DOORS: Final = (
    *("/webhooks/stripe", "/webhooks/backends/away/{0}", "/webhooks/backends/{0}/{0}"),
    *("/admin/login/", "/admin/login/?next={0}", "/admin/", "/admin/{0}", "/admin/billing/job/"),
    *("/admin/logout/", "/admin/revenue", "/admin/jsi18n/", "/i18n/setlang/", "/", "/{0}"),
    *("/v1/{0}", "/v1/jobs/{0}", "/v1/jobs/{0}/events?token={0}", "/v1/outputs/{0}"),
    *("/v1/outputs/{0}/thumbnail", "/v1/accounts/{0}", "/v1/accounts/{0}/signals", "/v1/jobs"),
    *("/v1/ledger?cursor={0}&limit={0}", "/v1/balance?as_of={0}", "/v1/rates?model={0}"),
    *("/v1/catalog", "/v1/openapi.json?format={0}", "/v1/docs", "/v1/statements/{0}.csv"),
    *("/healthz", "/readyz", "/static/{0}", "/static/admin/css/base.css", "/v1/grants", "/v1"),
)
_METHODS: Final = (
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "QUERY",
    "x",
)
_PIECES: Final = (
    *("%00", "%0a", "%0d%0aX-A:%20b", "%ff", "%ed%a0%80", "%c0%af", "%2e%2e%2f", "..", "%", "%zz"),
    *("", "0", "-1", "1e999", "NaN", "9" * 40, "9" * 5000, "a" * 3000, "'--", '"', "\\", "{0}"),
    *("%F0%9F%92%A5", "job_01m8czbesgksv13bv621sdt5ar", "null", "[]", "a/b/c", "%7B%7B7*7%7D%7D"),
    *("2026-11-26T00:00:00Z", "0001-01-01T00:00:00-23:59", "9999-12-31T23:59:59%2B23:59", ";", "#"),
)
_VALUES: Final = (
    *("", " ", "\x00", "\x7f", "\xff\xfe", "é", "a" * 5000, "*/*", "text/html", "application/xml"),
    *("application/json", "application/json;q=0", "application/json; charset=utf-16", ";;;", ",,,"),
    *(
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ),
    *(
        "-1",
        "0",
        "1",
        "99999999999999999999",
        "bytes=0-",
        "bytes=9-1",
        "bytes=-",
        "Bearer",
        "Bearer ",
    ),
    *("Bearer a.b.c", "Bearer \xff", "Basic Og==", "sk_live_x", "Bearer sk_live_x", "Bearer sk_"),
    *(
        "chunked",
        "gzip",
        "100-continue",
        "evil.example",
        "127.0.0.1",
        "[::1]",
        "[",
        "a b",
        "zh-hans",
    ),
    *("xx-" * 400, "t=1,v1=00", "t=,v1=", "t=9" + "9" * 30 + ",v1=\xe9", 'W/"', "*", "127.0.0.1,,"),
    *("sessionid=x; csrftoken=y", "sessionid=\x01", "=;=", "django_language=\xff"),
)
_HEADERS: Final = (
    *("Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Content-Type", "Cookie"),
    *(
        "Content-Encoding",
        "Expect",
        "Host",
        "If-None-Match",
        "If-Modified-Since",
        "Idempotency-Key",
    ),
    *("Last-Event-ID", "Origin", "Range", "Referer", "Stripe-Signature", "X-Account", "Upgrade"),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Organization", "X-Request-Id"),
    *(
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
        "X-HTTP-Method-Override",
        "X-CSRFToken",
    ),
)
_BODIES: Final = (
    *(b"", b"{}", b"[]", b"null", b"0", b"{", b"\x00", b"\xff\xfe{}", b'{"a":1,"a":2}', b"NaN"),
    *(
        b'{"id":"evt_1","type":"x"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\u0000"}',
        b"[" * 3000,
        b"9" * 3000,
    ),
    *(
        b'{"a":1e999}',
        b'{"a":-99999999999999999999}',
        b"username=\x00&password=%00",
        b"a=b&" * 2000,
    ),
    *(
        b"username=operator&password=x&next=//evil.example",
        b"language=xx&next=%0d%0a",
        b"x" * 300_000,
    ),
    *(b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n\x00\r\n--x--', b"--x\r\n"),
    *(b'{"model":"m","inputs":{"prompt":"\\ud83d"}}', b'{"credits":"1","source":"\\u0000"}'),
)


def throw(requests: int, *, port: int, chance: str, credentials: list[str], tally: Tally) -> None:
    """Send so many requests, and note how they are answered; nothing may be broken by them.

    Args:
        credentials: good ones, so that garbage comes further than to the door.
    """
    random = Random(f"garbage {chance}")
    thrown = [_request(random, credentials) for _one in range(requests)]
    with ThreadPoolExecutor(_THREADS) as pool:
        for (door, raw), answer in zip(
            thrown, pool.map(lambda one: _answer(port, one[1]), thrown), strict=True
        ):
            _judge(door, raw, answer, tally)


def _request(random: Random, credentials: list[str]) -> tuple[str, bytes]:
    """Return a door, and a request to it as bytes."""
    door, method = random.choice(_DOORS), random.choice(_METHODS)
    path = door.replace("{0}", random.choice(_PIECES))
    body = random.choice(_BODIES) if method not in {"GET", "HEAD"} else b""
    lines = [("Host", "127.0.0.1"), ("Connection", "close")]
    if body:
        lines += [("Content-Length", str(len(body))), ("Content-Type", "application/json")]
    if random.random() < 0.5:
        lines.append(("Authorization", f"Bearer {random.choice(credentials)}"))
    for _one in range(random.randrange(4)):
        name, value = random.choice(_HEADERS), random.choice(_VALUES)
        lines = [line for line in lines if line[0] != name] + [(name, value)]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    start = f"{method} {path} HTTP/1.1\r\n{head}\r\n"
    return f"{method} {door}", start.encode("latin-1", "replace") + body


def _say_no_more(connection: socket.socket) -> None:
    """End what is sent; the server may have answered and gone before."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)


def _answer(port: int, raw: bytes) -> bytes:
    """Return what is answered; b"" for a connection that is closed without a word."""
    said = b""
    try:
        with socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS) as connection:
            connection.sendall(raw)
            _say_no_more(connection)
            while len(said) < _ANSWER_BYTES and (more := connection.recv(_ANSWER_BYTES)):
                said += more
    except ConnectionError:  # what is refused may be refused before it was all sent
        pass
    return said


def _judge(door: str, raw: bytes, answer: bytes, tally: Tally) -> None:
    status = _status(answer)
    tally.note(ROLE, door, status)
    for rule, is_broken in _RULES.items():
        if is_broken(raw, answer, status):
            tally.blame(ROLE, door, rule, f"  {raw[:_SHOWN_BYTES]!r}\n  {answer[:_SHOWN_BYTES]!r}")


def _status(answer: bytes) -> int:
    words = answer[:64].split(b" ")
    return int(words[1]) if answer.startswith(b"HTTP/1.") and len(words) > 1 else 0


def _is_unproblematic(raw: bytes, answer: bytes, status: int) -> bool:
    """Say whether our own refusal to a program is no problem document."""
    path = raw.split(b" ")[1]
    is_ours = b"\r\nX-Request-Id:" in answer  # the web server's own refusals have none
    return (
        status in _REFUSAL
        and is_ours
        and path.startswith(_FOR_PROGRAMS)
        and b"\r\nContent-Type: application/problem+json\r\n" not in answer
    )


_RULES: Final[Mapping[str, Callable[[bytes, bytes, int], bool]]] = {
    "a server error": lambda _raw, _answer, status: status >= _BROKEN,
    "a refusal that is no problem document": _is_unproblematic,
    "a header of the caller's making": lambda _raw, answer, _status: b"\r\nX-A:" in answer,
    "no answer": lambda _raw, _answer, status: status == 0,
}
