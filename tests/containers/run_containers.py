"""Starts the containers of docker-compose.yml on a real engine, and takes some of them away.

    ./run test --containers [SCENE …] [--port N]

Without names all of it, in this order: images, plain, rights, faults, again, pooled, replica; each
goes on with what the one before has left. It needs an engine that has the base images, or a
registry to fetch them from. It ends with one table, and with 1 if anything was not seen. Whatever
it started goes: containers, networks, volumes and images of a project of its own.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from config.embedded.processes import free_port
from tests.containers import scenes
from tests.containers.engine import Missed, Project, missing

_SCENES: Final[dict[str, Callable[[Project], str]]] = {
    one.__name__: one
    for one in (
        *(scenes.images, scenes.plain, scenes.rights, scenes.faults),
        *(scenes.again, scenes.pooled, scenes.replica),
    )
}


def main(words: Sequence[str]) -> int:
    """Do each; print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="./run test", description=__doc__)
    parser.add_argument("--containers", nargs="*", default=[], choices=_SCENES, metavar="SCENE")
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args(words)
    if sentence := missing():
        raise SystemExit(f"Nothing was started. {sentence}.")
    signal.signal(signal.SIGTERM, lambda *_how: sys.exit(1))  # as after Ctrl-C: all of it goes
    chosen = [name for name in _SCENES if not asked.containers or name in asked.containers]
    with tempfile.TemporaryDirectory(prefix="linggan-containers-") as folder:
        project = Project(Path(folder), asked.port or free_port())
        try:
            seen = [_seen(project, name) for name in chosen]
        finally:
            project.take_down()
    return 0 if all(seen) else 1


def _seen(project: Project, name: str) -> bool:
    """Play one scene, and write its line."""
    began = time.monotonic()
    try:
        said, is_seen = _SCENES[name](project), True
    except (Missed, OSError, LookupError, ValueError) as problem:
        said, is_seen = f"MISSED {type(problem).__name__}: {problem}", False
    sys.stdout.write(f"{name:<8} {time.monotonic() - began:5.0f} s  {said}\n")
    sys.stdout.flush()
    return is_seen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
