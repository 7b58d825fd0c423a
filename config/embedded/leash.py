"""Become a command that ends when its parent ends.

Started as a script of its own, so that a parent with threads runs no Python between fork and
exec. Arguments: the parent's process id, the signal to get at its end, user id and group id
(`-` to keep the present ones), then the command with its arguments.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process by the command; the kernel signals it when the parent is gone."""
    parent, signal_number, user, group, *command = arguments
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    # After the change of user, which would clear it.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != int(parent):  # it died before we asked
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
