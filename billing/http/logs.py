"""How log lines look: one event a line, the request's name in each, and no secret in any."""

import logging
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from billing.http import cards
from billing.telemetry import tracing

_HIDDEN: Final = "[hidden]"
# A key whose value is a secret whatever it looks like.
_SECRET_KEY: Final = re.compile(
    r"authorization|password|passwd|cookie|secret|signature|private_key|api_key|^token$|_token$",
    re.IGNORECASE,
)
# A text that is a secret wherever it stands: our keys and Stripe's, webhook secrets, tokens,
# credentials in addresses, and the last part of a callback's or a download's address.
_SECRET_TEXT: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<kept>\b(?:sk|rk|pk)_(?:live|test)_)[A-Za-z0-9_]+",
        r"(?P<kept>\bsk_)[A-Za-z0-9_]{12,}",
        r"(?P<kept>\bwhsec_)[A-Za-z0-9+/=_-]+",
        r"(?P<kept>\bBearer\s+)[^\s\"',;\\]+",
        r"(?P<kept>\bAuthorization[\"']?\s*[:=]\s*[\"']?)[^\s\"',;\\]+(?:\s+[^\s\"',;\\]+)?",
        r"(?P<kept>\beyJ)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
        r"(?P<kept>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)",
        r"(?P<kept>/webhooks/backends/[^/\s]+/)[^/\s?\"']+",
        r"(?P<kept>/v1/outputs/)[^/\s?\"']+",
        r"(?P<kept>/pages/)[A-Za-z0-9_-]+(?::|%3A)[^/\s?\"']+",
    )
)
# Settings whose text is a secret by their name, whatever it looks like; a public key is none.
_SECRET_SETTING: Final = re.compile(
    r"(?<!public_)(keys?|secrets?|passwords?|tokens?|fallbacks)$", re.IGNORECASE
)
_PASSWORD_IN_ADDRESS: Final = re.compile(r"://[^\s:/@]*:([^\s/@]+)@")
_SHORTEST_SECRET: Final = 12  # a shorter text would hide words that are nobody's secret
_SHORTEST_PEM_LINE: Final = 32
_known: list[re.Pattern[str]] = []
# What Django hangs on its records, and no line needs.
_NOT_OURS: Final = ("request", "server_time", "color_message", "_record", "_from_structlog")
_LINE_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def logging_config(format: Literal["text", "json"]) -> dict[str, Any]:  # noqa: A002 (the setting is called LOG_FORMAT)
    """Return Django's LOGGING, and make structlog write through it.

    Args:
        format: "text" for people, "json" for machines.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _name_the_trace,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [
                    structlog.contextvars.merge_contextvars,
                    _name_the_trace,
                    structlog.stdlib.add_log_level,
                    structlog.stdlib.add_logger_name,
                    structlog.stdlib.ExtraAdder(),
                ],
                "processors": _processors(format),
            }
        },
        "filters": {
            "defects": {"()": "django.utils.log.CallbackFilter", "callback": _is_no_refusal}
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            # 4xx are told by our own line, which names the route and not the path.
            "django.request": {"level": "ERROR", "filters": ["defects"]},
            "django.security": {"level": "ERROR"},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},
            # Our own line tells of each task, with the name of the request that caused it.
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            # That traces were lost is said; each further try to send them is not.
            "opentelemetry": {"level": "ERROR"},
        },
    }


def hide(settings: Mapping[str, object]) -> None:
    """Have every secret of these settings hidden from now on, wherever it stands in a line."""
    found = sorted(set(_secrets_in(settings)), key=len, reverse=True)
    _known[:] = [re.compile("|".join(map(re.escape, found)))] if found else []


def _secrets_in(content: object, name: str = "") -> Iterator[str]:
    """Yield the texts that are secrets by the name of what holds them, and addresses' passwords."""
    if isinstance(content, Mapping):
        for inner_name, inner in content.items():
            yield from _secrets_in(inner, str(inner_name))
    elif isinstance(content, list | tuple):
        for inner in content:
            yield from _secrets_in(inner, name)
    elif isinstance(content, str):
        yield from _PASSWORD_IN_ADDRESS.findall(content)
        if _SECRET_SETTING.search(name) and "\n" in content:
            lines = content.splitlines()
            yield from (line for line in lines if len(line) >= _SHORTEST_PEM_LINE)
        elif _SECRET_SETTING.search(name) and len(content) >= _SHORTEST_SECRET:
            yield content


def redact(text: str) -> str:
    """Return `text` with each secret and card number in it hidden. A repeat changes nothing."""
    for secrets in _known:
        text = secrets.sub(_HIDDEN, text)
    text = cards.without_numbers(text)
    for secret in _SECRET_TEXT:
        text = secret.sub(rf"\g<kept>{_HIDDEN}", text)
    return text


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Return False for a 503: we gave it on purpose, and our own line tells of it already."""
    return getattr(record, "status_code", None) != HTTPStatus.SERVICE_UNAVAILABLE


def _name_the_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add where the line stands in a trace, while somebody collects traces."""
    event.update(tracing.ids())
    return event


def _processors(form: Literal["text", "json"]) -> list[Processor]:
    common: list[Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _hide_secrets,
    ]
    if form == "json":
        return [*common, structlog.processors.JSONRenderer(ensure_ascii=False, default=repr)]
    return [*common, _as_text]


def _hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.setdefault("request_id", "")
    return {
        key: _HIDDEN if _SECRET_KEY.search(key) else without_secrets(value)
        for key, value in event.items()
        if key not in _NOT_OURS
    }


def without_secrets(value: object) -> object:
    """Return what JSON holds with each secret and card number in it hidden, by name or by look."""
    if isinstance(value, int) and cards.is_card_number(str(value)):
        return _HIDDEN
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {
            str(key): _HIDDEN if _SECRET_KEY.search(str(key)) else without_secrets(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(inner) for inner in value]
    return redact(value if isinstance(value, str) else repr(value))


def _as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Render one line; a traceback follows, each of its lines with the request's name."""
    name = event.pop("request_id")
    moment, level = event.pop("timestamp", ""), event.pop("level", "")
    logger, what = event.pop("logger", ""), event.pop("event", "")
    below = "\n".join(str(event.pop(key)) for key in ("exception", "stack") if event.get(key))
    facts = " ".join(f"{key}={_plain(value)}" for key, value in event.items())
    line = f"{moment} {level:<8} [{name or '-'}] {logger}: {_plain(what)} {facts}".rstrip()
    return "\n".join(
        [line, *(f"    [{name or '-'}] {_plain(part)}" for part in below.splitlines() if part)]
    )


def _plain(value: object) -> str:
    """Return the value as text that stays on its line: nobody else's input can forge a second."""
    return _LINE_BREAKS.sub(
        lambda found: found.group().encode("unicode_escape").decode(), str(value)
    )
