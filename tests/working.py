"""Celery's worker in threads of a test: they end with the test, and so do their sessions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from celery import Celery
from celery.contrib.testing import worker
from django.db import connections


@contextmanager
def start_worker(app: Celery, **how: Any) -> Iterator[None]:  # noqa: ANN401 (as Celery has it)
    """Start a worker as Celery's own test helper does; each task ends the session that it began."""
    brief = mock.patch.dict(connections.settings["default"], CONN_MAX_AGE=0)
    with brief, worker.start_worker(app, **how):
        yield
