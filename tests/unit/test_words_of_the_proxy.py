"""The proxy of the crash points sees where messages end, however their bytes come."""

import struct

import pytest

from tests.faults.proxy.words import HttpTalk, Message, PostgresTalk, RedisTalk, Talk


def _frame(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack(">i", len(body) + 4) + body


def _hello(code: int) -> bytes:
    return struct.pack(">ii", 8, code)


PARSE = _frame(b"P", b"\0SELECT id\n FROM wallets WHERE x\0\0\0")
BATCH = PARSE + _frame(b"B", b"\0\0") + _frame(b"E", b"\0") + _frame(b"S")
COMMIT = _frame(b"Q", b"COMMIT\0")
READY = _frame(b"Z", b"I")


def _names(talk: Talk, data: bytes, *, step: int) -> list[tuple[str, int]]:
    """Feed bytes `step` at a time; return what became whole."""
    found: list[Message] = []
    for place in range(0, len(data), step):
        found += talk.ask(data[place : place + step])
    assert b"".join(message.data for message in found) == data
    return [(message.name, message.answers) for message in found]


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_postgresql_is_asked_by_whole_batches(step: int) -> None:
    said = _hello(80877103) + _hello(196608) + _frame(b"p", b"secret\0") + BATCH + COMMIT

    assert _names(PostgresTalk(), said + _frame(b"X"), step=step) == [
        ("hello", 1),
        ("hello", 1),
        ("password", 1),
        ("SELECT id FROM", 1),
        ("COMMIT", 1),
        ("goodbye", 0),
    ]


def test_postgresql_has_answered_when_it_is_ready_or_wants_a_word() -> None:
    talk = PostgresTalk()
    talk.ask(_hello(80877103))
    assert talk.answer(b"N") == 1
    talk.ask(_hello(196608))

    assert talk.answer(_frame(b"R", struct.pack(">i", 10))) == 1
    assert talk.answer(_frame(b"R", struct.pack(">i", 12))) == 0
    assert talk.answer(_frame(b"R", struct.pack(">i", 0)) + _frame(b"S", b"a\0b\0") + READY) == 1
    assert talk.answer(_frame(b"1") + _frame(b"D", b"\0\0") + READY[:3]) == 0
    assert talk.answer(READY[3:] + READY) == 2


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_redis_is_asked_command_by_command(step: int) -> None:
    said = b"*2\r\n$4\r\nping\r\n$3\r\na\r\n\r\n*1\r\n$4\r\nexec\r\n"

    assert _names(RedisTalk(), said, step=step) == [("PING", 1), ("EXEC", 1)]


def test_redis_has_answered_when_the_value_is_whole() -> None:
    talk = RedisTalk()

    assert talk.answer(b"+OK\r\n:1\r\n$-1\r\n_\r\n") == 4
    assert talk.answer(b"*2\r\n$3\r\nabc\r\n%1\r\n+a\r\n:") == 0
    assert talk.answer(b"7\r\n") == 1
    assert talk.answer(b"*0\r\n-ERR no\r\n") == 2


@pytest.mark.parametrize("step", [1, 9, 1000])
def test_http_is_asked_request_by_request(step: int) -> None:
    said = (
        b"PUT /predictions/att_1?a=b HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345"
        b"GET /health-check HTTP/1.1\r\nHost: a\r\n\r\n"
        b"POST /v1/a/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    )

    assert _names(HttpTalk(), said, step=step) == [
        ("PUT /predictions/att_1", 1),
        ("GET /health-check", 1),
        ("POST /v1/a", 1),
    ]


def test_http_has_answered_when_the_length_is_there() -> None:
    talk = HttpTalk()

    assert talk.answer(b"HTTP/1.1 204 No Content\r\n\r\n") == 1
    assert talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab") == 0
    assert talk.answer(b"c") == 1
    assert talk.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n") == 0
    assert talk.answer(b"0\r\n\r\n") == 1
    # This one ends with its connection.
    assert talk.answer(b"HTTP/1.1 200 OK\r\n\r\nabc") == 0
