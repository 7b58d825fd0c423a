"""What Celery's worker does around every task: names it, counts it, and keeps its connections."""

from typing import Any

import structlog
from celery import Task, bootsteps
from django.db import close_old_connections
from structlog.contextvars import bound_contextvars

from billing.ids import new_id
from billing.telemetry import meters
from config import resident, telemetry
from plans.errors import NoCatalog

_log = structlog.get_logger(__name__)


class MeasuredTask(Task):  # type: ignore[type-arg]  # at run time it takes no argument
    """A task whose runs are counted, and whose log lines have a name."""

    abstract = True

    def __call__(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 (as Celery has it)
        """Run it. What no request caused, such as a sweep, is named by itself.

        Before a catalog is in force, on a new database or by a clock that was set back, there is
        nothing to sweep: the next run looks again.
        """
        self._look_at_connections()
        names = {"request_id": named.get("request_id") or new_id("run")}
        if "message_id" in named:
            names["message_id"] = named["message_id"]
        with bound_contextvars(**names), meters.working(self.name):
            try:
                return super().__call__(*arguments, **named)
            except NoCatalog:
                meters.came_to("waiting")
                _log.warning("task_waits_for_a_catalog", task=self.name)
                return None
            finally:
                self._look_at_connections()

    def _look_at_connections(self) -> None:
        """End those that are too old or have failed, as before and after each request.

        A task that somebody calls by hand, such as a test, may be inside of his transaction.
        """
        if not self.request.called_directly:
            close_old_connections()


class Told(bootsteps.StartStopStep):
    """The worker's own step: what it has loaded stays, and it begins to tell once it is there."""

    def start(self, parent: Any) -> None:  # noqa: ANN401 (as Celery has it)
        """Begin; a worker that starts again tells on."""
        resident.settle()
        telemetry.begin("worker")
