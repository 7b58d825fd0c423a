"""Prepares the demo backend's folder and is the Cog server: `python -m billing.gpu.demo DIR`.

In this very process, so that a signal to it is a signal to Cog.
"""

import json
import os
import runpy
import shutil
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from threading import Event, Thread
from typing import Final

from billing.gpu.demo.schema import schema

# coglet makes its folders here, whatever TMPDIR says, and open to their first owner only: the
# server of another user would take orders and lose each of them.
_COGLET_FOLDERS: Final = (Path("/tmp/coglet"), Path("/tmp/coglet/predictions"))  # noqa: S108 (coglet's choice)
_OPEN_AND_STICKY: Final = 0o1777
_DAY_SECONDS: Final = 86_400
_LOOK_SECONDS: Final = 1.0
_LAST_WORDS_SECONDS: Final = 2.0


def main() -> None:
    """Prepare the folder, then serve until SIGTERM."""
    parser = ArgumentParser(description="The demo GPU backend.")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 inside a container")
    asked = parser.parse_args()
    data_dir: Path = asked.data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    os.chdir(data_dir)
    shutil.rmtree("outputs", ignore_errors=True)
    Path(".cog").mkdir(exist_ok=True)
    Path(".cog/openapi_schema.json").write_text(json.dumps(schema()), encoding="utf-8")
    _open_coglet_folders()
    _sweep_coglet_folder()
    Thread(target=_end_with_the_worker, daemon=True).start()
    sys.argv = ["cog.server.http", "--host", asked.host]
    runpy.run_module("cog.server.http", run_name="__main__")


def _sweep_coglet_folder() -> None:
    """Remove what coglet leaves of each prediction, once it is a day old and ours."""
    limit = time.time() - _DAY_SECONDS
    for folder in _COGLET_FOLDERS[-1].iterdir():
        try:
            facts = folder.stat()
        except OSError:  # another server is sweeping too
            continue
        if facts.st_uid == os.geteuid() and facts.st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)


def _end_with_the_worker() -> None:
    """End this server soon after its worker process has died, so that a new one is started.

    coglet would stay, report itself unhealthy, and go on taking orders only to fail them.
    """
    while True:
        Event().wait(_LOOK_SECONDS)
        try:
            # Looks without collecting: the exit of a child is coglet's to collect.
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            continue  # not started yet
        if ended is not None:
            sys.stderr.write("The demo's worker process died; ending, to be started anew.\n")
            # After a moment, so that coglet can still report what it was working on.
            Event().wait(_LAST_WORDS_SECONDS)
            os._exit(1)


def _open_coglet_folders() -> None:
    """Make coglet's folders usable for every user, as /tmp itself is; exit where that fails."""
    for folder in _COGLET_FOLDERS:
        folder.mkdir(exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(_OPEN_AND_STICKY)
        if not os.access(folder, os.W_OK | os.X_OK):
            sys.exit(
                f"The demo GPU backend cannot write to {folder}, which another user made. "
                f"Have its owner run: chmod 1777 {' '.join(map(str, _COGLET_FOLDERS))}"
            )


main()
