"""Listens to everything that the service says, and looks for secrets in it."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import redis
import structlog
from django.conf import settings

from billing.http.logs import logging_config

FORMATS: Final[tuple[Literal["text", "json"], ...]] = ("text", "json")


class Heard(logging.Handler):
    """All lines of the log, as a person and as a machine would get them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._forms = []
        for form in FORMATS:
            line = logging_config(form)["formatters"]["line"]
            self._forms.append(
                structlog.stdlib.ProcessorFormatter(
                    foreign_pre_chain=line["foreign_pre_chain"], processors=line["processors"]
                )
            )

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record down in each form."""
        self.lines.extend(form.format(record) for form in self._forms)


@contextlib.contextmanager
def listening() -> Iterator[Heard]:
    """Hear the whole log for a while, also what is told only to those who look closely."""
    heard, root = Heard(), logging.getLogger()
    before = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(heard)
        root.setLevel(before)


def whole(answer: Any) -> str:  # noqa: ANN401 (Django's test response)
    """Return an answer with its headers, as it goes over the wire."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return f"{answer.status_code}\n{answer.headers}\n{body.decode(errors='replace')}"


def in_redis() -> str:
    """Return all that lies in Redis: queues, messages and their arguments."""
    store: Any = redis.Redis.from_url(settings.REDIS_URL)
    read: dict[bytes, Callable[[bytes], object]] = {
        b"list": lambda key: store.lrange(key, 0, -1),
        b"zset": lambda key: store.zrange(key, 0, -1),
        b"hash": store.hgetall,
        b"set": store.smembers,
        b"string": store.get,
    }
    return "\n".join(f"{key!r} {read[store.type(key)](key)!r}" for key in store.scan_iter())


def leaks(secrets: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
    """Return which secret stands where."""
    return [
        f"{name} in {place}"
        for place, text in places.items()
        for name, secret in secrets.items()
        if secret in text
    ]
