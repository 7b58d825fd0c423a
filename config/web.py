"""How a web process ends: whoever got through to it is answered, and nobody else gets through."""

import contextlib
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # ships no types


class Worker(ThreadWorker):  # type: ignore[misc]  # as above
    """Gunicorn's threads; told to end, it takes in who stands at the door, and closes it.

    Gunicorn's own keeps the door open until its last answer is given and lets nobody in: the
    kernel goes on to accept, and resets all of them at the end. A client cannot tell that from an
    answer that was lost. Refused at the door, he knows that nothing has happened.
    """

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 (gunicorn's own signature)
        """Accept or do not, as gunicorn's; when it ends, those first whom the kernel has let in."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self._close_the_door()

    def _close_the_door(self) -> None:
        for listener in self.sockets:
            before: Any = None
            while before != self.nr_conns:
                before = self.nr_conns
                with contextlib.suppress(OSError):
                    self.accept(listener)
            listener.close()
