"""What a run over a whole service of its own begins and ends with: a folder, and servers."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from config.embedded.environment import nowhere
from tests.servers import FOREIGN, Servers


@contextlib.contextmanager
def servers_apart(name: str, *, is_lasting: bool = False) -> Iterator[tuple[Path, Servers]]:
    """Yield a new folder and servers in it, which end with the block, or with a SIGTERM.

    The folder's name has our process id: whoever tidies up sees whose it is, and whether he lives.
    The settings can be loaded from now on, and know no real address: who has those puts them into
    the environment before anything is connected.
    """
    signal.signal(signal.SIGTERM, _end)
    folder = Path(tempfile.mkdtemp(prefix=f"linggan-{name}-{os.getpid()}-"))
    folder.chmod(0o711)  # so that a server that is not root finds its own folder
    (folder / "servers").mkdir(mode=0o711)
    servers = Servers(folder / "servers", debian=False, is_lasting=is_lasting)
    servers.start()
    try:
        for foreign in FOREIGN:
            os.environ.pop(foreign, None)
        os.environ.update(nowhere())
        yield folder, servers
    finally:
        servers.stop()


def exit_code(folder: Path, *, wrong: int) -> int:
    """Return how such a run ends; its folder stays if anything was wrong, and is named."""
    if wrong:
        sys.stdout.write(f"What was said and written down stays in {folder}\n")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


def _end(_number: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C: with all that was started."""
    raise SystemExit(1)
