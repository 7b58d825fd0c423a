"""What a process has loaded stays while it lives: the garbage collector need not look at it."""

import gc

# Python looks after 700 new objects: more than once in a request that only reads. Not much less
# often: it counts objects, and a few that point at each other may hold the body of a request.
_NEW_OBJECTS = 2_000


def settle() -> None:
    """Have the collector look at what is new from here on, and less often.

    Called where the process works, after every fork, before its first request or task.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # what is long-lived is counted anew: by it the deep looks go
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
