import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from billing.http.logs import logging_config, redact
from billing.http.requests import request_id

SECRETS = [
    "sk_live_0123456789ab_c2VjcmV0c2VjcmV0",
    "sk_test_51HabcSTRIPEsecret",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
    "4242 4242 4242 4242",  # a card's
    "378282246310005",
]


class Lines(logging.Handler):
    """Keeps lines as a stream would get them."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = io.StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.stream.write(self.format(record) + "\n")


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """Return a logger and what it writes, in the form that the test asks for."""
    form: Literal["text", "json"] = request.param
    config = logging_config(form)
    wiring = config["formatters"]["line"]
    handler = Lines()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=wiring["foreign_pre_chain"], processors=wiring["processors"]
        )
    )
    logger = logging.getLogger("tests.logs")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        yield logger, handler.stream
    logger.handlers, logger.propagate = [], True


both = pytest.mark.parametrize("log", ["text", "json"], indirect=True)
Log = tuple[logging.Logger, io.StringIO]


def fail(secret: str) -> None:
    raise RuntimeError(f"the backend refused {secret}")


@both
def test_each_event_is_a_line_with_the_requests_name(log: Log) -> None:
    logger, stream = log

    logger.info("one")
    logger.warning("two %s", "words", extra={"job": "job_1"})
    structlog.get_logger("tests.logs").info("three", job="job_2")

    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert all("req_1" in line for line in lines)
    assert "two words" in lines[1]
    assert "job_1" in lines[1]
    assert "job_2" in lines[2]


@both
def test_no_secret_is_written(log: Log) -> None:
    logger, stream = log

    for secret in SECRETS:
        logger.info("called with %s", secret)
        logger.info("called", extra={"headers": {"Authorization": f"Bearer {secret}"}})
        logger.info("called", extra={"nested": [{"note": (f"x {secret} y",)}]})
        logger.info("Authorization: Bearer %s", secret)
        structlog.get_logger("tests.logs").info("called", password=secret, note=secret)
        try:
            fail(secret)
        except RuntimeError:
            logger.exception("failed with %s", secret)
    logger.info("POST /webhooks/backends/demo/aGVsbG8-token answered")
    logger.info("GET http://127.0.0.1:8000/v1/outputs/Im91dF8x:1vK:c2lnbmVk?x=1 answered")
    logger.info("postgres://app:hunter2@db:5432/app is away")

    written = stream.getvalue()
    for secret in SECRETS:
        assert secret not in written
        assert secret[-10:] not in written
    assert "aGVsbG8-token" not in written
    assert "Im91dF8x" not in written
    assert "c2lnbmVk" not in written
    assert "hunter2" not in written
    assert "[hidden]" in written


@both
def test_nobody_can_forge_a_line(log: Log) -> None:
    logger, stream = log

    logger.info("prompt was %s", "a\n2026-11-23 critical forged\r\u2028b\x1b[31m")
    logger.info("prompt", extra={"prompt": "a\nb"})

    written = stream.getvalue()
    assert written.count("\n") == 2
    assert "\r" not in written
    assert "\x1b" not in written


@pytest.mark.parametrize("log", ["text"], indirect=True)
def test_a_traceback_stays_readable_and_each_of_its_lines_is_named(log: Log) -> None:
    logger, stream = log

    try:
        fail("it")
    except RuntimeError:
        logger.exception("failed")

    lines = stream.getvalue().splitlines()
    assert len(lines) > 3
    assert all("req_1" in line for line in lines)
    assert "RuntimeError: the backend refused it" in lines[-1]


@pytest.mark.parametrize("log", ["json"], indirect=True)
def test_a_machine_reads_each_line(log: Log) -> None:
    logger, stream = log

    try:
        fail("it")
    except RuntimeError:
        logger.exception("failed", extra={"credits": 10, "text": "灵感"})

    (line,) = stream.getvalue().splitlines()
    event: dict[str, Any] = json.loads(line)
    assert event["event"] == "failed"
    assert event["level"] == "error"
    assert event["request_id"] == "req_1"
    assert event["credits"] == 10
    assert event["text"] == "灵感"
    assert "RuntimeError: the backend refused it" in event["exception"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_configuration_is_one_that_logging_takes(form: Literal["text", "json"]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(logging_config(form))
        assert root.handlers[0].format(root.makeRecord("n", 20, "f", 1, "m", (), None))
    finally:
        root.handlers, root.level = handlers, level


def test_hiding_twice_is_hiding_once() -> None:
    text = " ".join(SECRETS)

    assert redact(redact(text)) == redact(text)


def test_outside_of_a_request_there_is_no_name() -> None:
    assert request_id() == ""
