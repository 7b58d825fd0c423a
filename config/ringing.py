"""The broker as our workers hear it: what nobody can read is told, and does not end them.

Kombu's own channel raises out of the worker's loop when an entry of a queue is no message of
Celery's, and each such entry ends one worker. Whatever it was, nothing is lost with it: the outbox
rings again for what is not done.
"""

import logging
from typing import Any, Final

from kombu import transport
from kombu.transport import redis

_SCHEMES: Final = ("redis", "rediss")
_log = logging.getLogger(__name__)


class Channel(redis.Channel):
    """Kombu's, which throws away what it cannot read."""

    def _brpop_read(self, **options: Any) -> Any:  # noqa: ANN401 (as Kombu has it)
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # the stubs leave it out
        except (AttributeError, KeyError, TypeError, ValueError):  # of JSON, base64, and the form
            _log.exception("unreadable_message_dropped")
            return True


class Transport(redis.Transport):
    """Kombu's, with that channel."""

    Channel = Channel


def install() -> None:
    """Have every address of a Redis reached by this."""
    for scheme in _SCHEMES:
        transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
