"""Where one message ends and the next begins, in the four languages of the service. Pure.

A message is what makes the other side act: of PostgreSQL's frames all up to a Sync or a Query, of
Redis one command, of HTTP one request. Its answer is whole when its asker would go on.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

_INT: Final = 4  # bytes of a number in PostgreSQL's frames
_NEGOTIATES: Final = (80877103, 80877104)  # SSLRequest, GSSENCRequest: one byte answers
_CANCELS: Final = 80877102
_AUTHENTICATED: Final = 0
_NEEDS_WORDS: Final = frozenset({3, 5, 10, 11})  # a password, an md5, SASL, and SASL going on
_WORDS: Final = 3  # of a statement, which tell it from others


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message of the asker's.

    Attributes:
        name: what it asks for, in a word or three; the same in each run.
        answers: how many answers come to it.
    """

    data: bytes
    name: str
    answers: int = 1


class Talk(ABC):
    """One connection's conversation, of which both sides are fed as their bytes come."""

    def __init__(self) -> None:
        self._asked = b""
        self._answered = b""

    def ask(self, data: bytes) -> list[Message]:
        """Return what is whole by now of what the asker has sent."""
        self._asked += data
        found = []
        while (message := self._next_message()) is not None:
            found.append(message)
        return found

    def answer(self, data: bytes) -> int:
        """Return how many answers have become whole by these bytes."""
        self._answered += data
        count = 0
        while self._next_answer():
            count += 1
        return count

    @abstractmethod
    def _next_message(self) -> Message | None:
        """Take the next whole message off `_asked`; None: there is none yet."""

    @abstractmethod
    def _next_answer(self) -> bool:
        """Take the next whole answer off `_answered`; False: there is none yet."""


class PostgresTalk(Talk):
    """PostgreSQL's protocol, version 3."""

    def __init__(self) -> None:
        super().__init__()
        self._is_new = True  # the first message has no letter before it
        self._is_negotiating = False
        self._frames = b""
        self._statement = ""

    def _next_message(self) -> Message | None:
        while (frame := self._next_frame()) is not None:
            self._frames += frame
            kind = b"" if self._is_new else frame[:1]
            if self._is_new:
                return self._beginning(frame)
            if kind in b"PQ":
                self._statement = _statement(frame) or self._statement
            if kind in (b"S", b"Q", b"p", b"X", b"H"):
                return self._whole(
                    {b"p": "password", b"X": "goodbye"}.get(kind, self._statement),
                    0 if kind in b"XH" else 1,
                )
        return None

    def _next_frame(self) -> bytes | None:
        start = 0 if self._is_new else 1
        if len(self._asked) < start + _INT:
            return None
        end = start + int.from_bytes(self._asked[start : start + _INT])
        if len(self._asked) < end:
            return None
        frame, self._asked = self._asked[:end], self._asked[end:]
        return frame

    def _beginning(self, frame: bytes) -> Message:
        code = int.from_bytes(frame[_INT : 2 * _INT])
        self._is_negotiating = code in _NEGOTIATES
        self._is_new = self._is_negotiating
        return self._whole("hello", 0 if code == _CANCELS else 1)

    def _whole(self, name: str, answers: int) -> Message:
        data, self._frames = self._frames, b""
        return Message(data, name, answers)

    def _next_answer(self) -> bool:
        if self._is_negotiating and self._answered:
            self._answered, self._is_negotiating = self._answered[1:], False
            return True
        while len(self._answered) > _INT:
            end = 1 + int.from_bytes(self._answered[1 : 1 + _INT])
            if len(self._answered) < end:
                return False
            frame, self._answered = self._answered[:end], self._answered[end:]
            asks = frame[:1] == b"R" and int.from_bytes(frame[5 : 5 + _INT]) in _NEEDS_WORDS
            if frame[:1] == b"Z" or asks:
                return True
        return False


def _statement(frame: bytes) -> str:
    """Return how the statement of a Parse or a Query begins."""
    body = frame[1 + _INT :]
    text = body.split(b"\0")[1] if frame[:1] == b"P" else body.split(b"\0")[0]
    return " ".join(text.decode(errors="replace").split()[:_WORDS])


class RedisTalk(Talk):
    """Redis' protocol: arrays of strings, and one value for each."""

    def _next_message(self) -> Message | None:
        end = _redis_value(self._asked, 0)
        if end is None:
            return None
        data, self._asked = self._asked[:end], self._asked[end:]
        parts = data.split(b"\r\n")
        return Message(data, parts[2].decode(errors="replace").upper())

    def _next_answer(self) -> bool:
        end = _redis_value(self._answered, 0)
        if end is None:
            return False
        self._answered = self._answered[end:]
        return True


def _redis_value(data: bytes, start: int) -> int | None:
    """Return where the value that begins at `start` ends; None: it is not whole."""
    line = data.find(b"\r\n", start)
    if line < 0:
        return None
    kind, rest, end = data[start : start + 1], data[start + 1 : line], line + 2
    if kind in b"$=!":
        whole = end + int(rest) + 2 if int(rest) >= 0 else end
        return whole if len(data) >= whole else None
    if kind in b"*~>%":
        for _value in range(max(0, int(rest)) * (2 if kind == b"%" else 1)):
            one = _redis_value(data, end)
            if one is None:
                return None
            end = one
    return end


class HttpTalk(Talk):
    """HTTP/1.1, with lengths or in chunks; an answer without either ends with its connection."""

    def _next_message(self) -> Message | None:
        end = _http_end(self._asked, is_answer=False)
        if end is None:
            return None
        data, self._asked = self._asked[:end], self._asked[end:]
        method, path, _version = data.split(b"\r\n", 1)[0].decode().split(" ")
        # Ids and tokens differ from run to run: the first two steps say what it is.
        return Message(data, f"{method} {'/'.join(path.split('?')[0].split('/')[:3])}")

    def _next_answer(self) -> bool:
        end = _http_end(self._answered, is_answer=True)
        if end is None:
            return False
        self._answered = self._answered[end:]
        return True


def _http_end(data: bytes, *, is_answer: bool) -> int | None:
    head, blank, _body = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    start = len(head) + len(blank)
    lines = [line.lower().partition(b":") for line in head.split(b"\r\n")[1:]]
    fields = {name.strip(): value.strip() for name, _colon, value in lines}
    if fields.get(b"transfer-encoding") == b"chunked":
        last = data.find(b"0\r\n\r\n", start)
        return None if last < 0 else last + len(b"0\r\n\r\n")
    empty = is_answer and head.split(b" ", 2)[1][:3] in (b"204", b"304")
    if is_answer and not empty and b"content-length" not in fields:
        return None
    end = start + int(fields.get(b"content-length", b"0"))
    return end if len(data) >= end else None
