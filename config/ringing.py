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
# Of JSON and base64, of the form, of numbers that are none, and of what is nested too deeply.
_UNREADABLE: Final = (
    *(AttributeError, LookupError, TypeError, ValueError),
    *(ArithmeticError, RecursionError),
)
_log = logging.getLogger(__name__)


class Channel(redis.Channel):
    """Kombu's, which throws away what it cannot read."""

    def _brpop_read(self, **options: Any) -> Any:  # noqa: ANN401 (as Kombu has it)
        before = self._in_hand()
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # the stubs leave it out
        except _UNREADABLE:
            _log.exception("unreadable_message_dropped")
            # One that names a task of ours was in the hand before it proved unreadable. Left there,
            # it would take the place of another for as long as the worker lives.
            for tag in self._in_hand() - before:
                self.basic_reject(tag, requeue=False)
            return True

    def _in_hand(self) -> set[str]:
        """Return the names of what was taken and is not answered for."""
        qos = self.qos  # what is answered for may stand among the taken until the next is taken
        return set(qos._delivered or ()) - (qos._dirty or set())  # noqa: SLF001 (Kombu has no others)


class Transport(redis.Transport):
    """Kombu's, with that channel."""

    Channel = Channel


def install() -> None:
    """Have every address of a Redis reached by this."""
    for scheme in _SCHEMES:
        transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
