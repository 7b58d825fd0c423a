"""Watches, while tables change, how long anybody waits for a lock; and cuts who changes them."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

_LOOK_SECONDS: Final = 0.03
_WAITED: Final = """
    SELECT max(extract(epoch FROM clock_timestamp() - locks.waitstart))
    FROM pg_locks AS locks JOIN pg_stat_activity AS asked USING (pid)
    WHERE NOT locks.granted AND asked.usename = %s
"""
# Between two statements of the product's own `migrate`, or in one that writes.
_CHANGES: Final = """
    SELECT 1 FROM pg_stat_activity
    WHERE usename = %s AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    AND query ~* '^\\s*(ALTER|CREATE|UPDATE|DROP|INSERT|DO|SELECT set_config)'
"""


class Watch:
    """What is seen of the locks while it looks.

    Attributes:
        longest_seconds: that a session of the product's own waited for a lock.
    """

    def __init__(self) -> None:
        """Have seen nothing."""
        self.longest_seconds = 0.0
        self._is_over = threading.Event()

    def look(self, url: str, application: str) -> None:
        """Look until it is over."""
        with psycopg.connect(url, autocommit=True) as session:
            while not self._is_over.wait(_LOOK_SECONDS):
                row = session.execute(_WAITED, [application]).fetchone()
                if row is not None and row[0] is not None:
                    self.longest_seconds = max(self.longest_seconds, float(row[0]))

    def end(self) -> None:
        """Look no more."""
        self._is_over.set()


@contextmanager
def watching(url: str, application: str) -> Iterator[Watch]:
    """Yield what is seen while the block runs."""
    watch = Watch()
    thread = threading.Thread(target=watch.look, args=(url, application), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()


def cut(process: subprocess.Popen[bytes], url: str, owner: str) -> bool:
    """Kill a process as soon as it changes tables; return whether it was caught at that."""
    with psycopg.connect(url, autocommit=True) as session:
        while process.poll() is None:
            if session.execute(_CHANGES, [owner]).fetchone():
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                return True
            time.sleep(_LOOK_SECONDS / 10)
    return False
