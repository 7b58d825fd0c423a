"""What a process has loaded stays while it lives: the garbage collector need not look at it."""

import gc

from django.urls import get_resolver

# Python looks after 700 new objects, and a request makes ten times as many. What they leave behind
# is a cycle now and then; nearly all goes by itself when the last name of it goes.
_NEW_OBJECTS = 20_000


def settle() -> None:
    """Load all that answers, and have the collector look at what is new from here on, less often.

    Called where the process works, after every fork, before its first request or task.
    """
    get_resolver().url_patterns  # noqa: B018 (loads every view, and what it needs)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
