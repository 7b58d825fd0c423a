"""Lives random operations on real wallets, next to a model of each, and wants no difference.

    ./run test --operations 1000000 --seed 1 [--slice 1/2]

Each run has a PostgreSQL of its own, which is thrown away. Of `--slice I/N` it lives the I-th of N
equal parts, with chances of its own: N such runs at once live all operations. It prints how many
operations of each kind there were, and ends with 1 at the first difference, which it describes.
"""

import argparse
import importlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

from config.embedded.environment import nowhere
from tests.servers import Servers


@dataclass(frozen=True, slots=True)
class Asked:
    """So many operations, and which chances they are."""

    operations: int
    chance: str


def read(words: list[str]) -> Asked:
    """Return what is asked for."""
    parser = argparse.ArgumentParser(prog="./run test", description=__doc__)
    parser.add_argument("--operations", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slice", default="1/1", metavar="I/N")
    given = parser.parse_args(words)
    mine, all_ = (int(word) for word in given.slice.split("/"))
    if not 1 <= mine <= all_:
        parser.error(f"--slice {given.slice}: from 1/N to N/N")
    return Asked(given.operations // all_, f"{given.seed}/{mine}/{all_}")


def main(words: list[str]) -> int:
    """Start the servers, live, and say what came of it; return the exit code."""
    asked = read(words)
    with tempfile.TemporaryDirectory(prefix="linggan-night-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # so that a server that is not root finds its own folder
        servers = Servers(folder, debian=False)
        servers.start()
        try:
            os.environ.update(nowhere())
            os.environ.update(
                DATABASE_URL=servers.postgres.url,
                REDIS_URL=servers.valkey.url,
                MEDIA_ROOT=str(folder / "media"),
                STATIC_ROOT=str(folder / "static"),
                DJANGO_SETTINGS_MODULE="config.settings",
            )
            django.setup()
            call_command("migrate", verbosity=0)
            # It knows the models, which exist only now.
            lives: Any = importlib.import_module("tests.night.lives")
            found: int = lives.live(asked.operations, asked.chance)
        finally:
            servers.stop()
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
