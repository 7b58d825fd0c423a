"""Becomes another program, which from its first instruction on may use only so much.

A program of its own: limits that are set between fork and exec of a process with threads can
hang it, and limits that are set from outside come a moment too late.
"""

import os
import resource
import sys
from typing import Final

_MIB: Final = 1024 * 1024
LIMITS: Final = {
    resource.RLIMIT_CPU: 20,  # seconds
    resource.RLIMIT_AS: 1024 * _MIB,
    resource.RLIMIT_FSIZE: 4 * _MIB,  # of each file that it writes
    resource.RLIMIT_NOFILE: 32,
    resource.RLIMIT_CORE: 0,
}


def become(program: str, arguments: list[str]) -> None:
    """Set the limits and become `program`; does not return."""
    for limit, most in LIMITS.items():
        resource.setrlimit(limit, (most, most))
    os.execv(program, [program, *arguments])  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    become(sys.argv[1], sys.argv[2:])
