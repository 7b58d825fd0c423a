"""`./run test --pooled`: what stands on the database runs behind a PgBouncer in transaction mode.

Other paths and arguments of pytest may follow. PgBouncer is Debian's: apt install pgbouncer.
"""

import os
import shutil
import sys
from typing import Final

import pytest

_PATHS: Final = ("pooled", "flows", "jobs", "exports", "concurrency")


def main(arguments: list[str]) -> int:
    """Run them; return pytest's exit code."""
    if shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
        sys.stderr.write("PgBouncer is missing; install it: apt install pgbouncer\n")
        return 1
    os.environ["LINGGAN_TEST_POOLED"] = "1"
    chosen = [word for word in arguments if word != "--pooled"]
    paths = [] if any(not word.startswith("-") for word in chosen) else _default()
    # The pooler's own sessions would keep a database from being dropped: it goes with its server.
    return int(pytest.main(["--reuse-db", *chosen, *paths]))


def _default() -> list[str]:
    return [f"tests/{name}" for name in _PATHS]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
