"""What a process has loaded stays while it lives: the garbage collector need not look at it."""

import gc

# Python looks after 700 new objects: more than once in a request that only reads. Nearly all that a
# request makes goes by itself with its last name; what is left for the collector is few cycles.
_NEW_OBJECTS = 20_000


def settle() -> None:
    """Have the collector look at what is new from here on, and less often.

    Called where the process works, after every fork, before its first request or task.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
