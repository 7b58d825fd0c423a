"""The cast of the outbox's tests."""

from tests.outbox.cast import broker, now, until, worker

__all__ = ["broker", "now", "until", "worker"]
