"""Destroys parts of the working product, and judges what that has cost.

    ./run test --faults [F4 F5 …] [--rounds N] [--seed S] [--at-length] [--json FILE]

Without names, all experiments; without rounds, as many as each says of itself, and never fewer than
it takes to do each thing in its title. Few rounds have shorter faults, unless they are asked for at
length. All of it is real:
PostgreSQL, Valkey, gunicorn, Celery's own processes, and Cog with a predictor that has its film
ready; and all of it was started here. It ends with one table and one line of JSON, and with 1 if
any rule was broken, or anything that was asked for has no verdict.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

from tests.apart import exit_code, servers_apart


@dataclass(frozen=True, slots=True)
class Asked:
    """Which experiments, how often, by which chance; rounds None: as each says."""

    names: Sequence[str]
    rounds: int | None
    seed: int
    json: Path | None
    at_length: bool = False


def read(words: Sequence[str]) -> Asked:
    """Return what is asked for; exits with a sentence when it cannot be read."""
    parser = argparse.ArgumentParser(
        prog="./run test", description="Destroy parts of the working product."
    )
    parser.add_argument("--faults", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--rounds", type=_from_one)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-length", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(words)
    names = [name.upper() for name in given.faults]
    return Asked(names, given.rounds, given.seed, given.json, given.at_length)


def _from_one(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("a run has one round at least")
    return int(text)


def main(words: Sequence[str]) -> int:
    """Start the product, destroy, judge and tell; return the exit code."""
    asked = read(words)
    with servers_apart("faults", is_lasting=True) as (folder, servers):
        ground: Any = importlib.import_module("tests.faults.ground").Ground(folder, servers)
        try:
            django.setup()
            # They know the models, which exist only now.
            destroying: Any = importlib.import_module("tests.faults.destroying")
            verdicts = destroying.destroy(asked, ground)
        finally:
            ground.door.end()
    rows = [one.as_json() for one in verdicts]
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))
    sys.stdout.write(f"{json.dumps(rows)}\n")
    return exit_code(folder, wrong=destroying.wrong(verdicts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
