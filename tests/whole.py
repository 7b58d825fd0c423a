"""Run every test, side by side; what fails among the others is tried once more by itself.

`python -m tests.whole` is the last step of `./run test`. Thousands of tests, browsers and
servers share a few cores there. A test that fails in that crowd and again alone has found a
defect: the run is red. One that passes alone does not hold up everybody's work, but it is
printed as UNSTEADY: it waits too short, or hides a race, and whoever sees it looks for the cause.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
# Much of the time a test waits for a server, a worker or a browser: more tests than cores.
WORKERS: Final = min(8, max(2, (os.cpu_count() or 2) * 3 // 2))
# Who has ended takes from those who have not: else the slowest ends alone, long after the others.
CROWD: Final = ("-n", str(WORKERS), "--dist", "worksteal", "--durations=10")
SOME_FAILED: Final = 1  # pytest's exit code for that
# More than a handful is no bad luck: something is broken, and the first list is what to read.
TRIED_AGAIN_MAX: Final = 5


def run_whole(chosen: list[str], root: Path = ROOT) -> int:
    """Run the tests of `chosen` (all, if it is empty); return the code to end with, 0 if good."""
    with TemporaryDirectory(prefix="linggan-tests-") as cache:
        code = _pytest(root, "-o", f"cache_dir={cache}", *CROWD, *chosen)
        failed = _failed(Path(cache))
        if code != SOME_FAILED or not 0 < len(failed) <= TRIED_AGAIN_MAX:
            return code
        _say(f"-- {len(failed)} failed among the others: once more, by themselves")
        # By their names: where pytest cannot make out what failed last, it runs everything.
        alone = _pytest(root, *failed)
        if alone == 0:
            for name in failed:
                _say(f"UNSTEADY {name}: failed among the others, passed alone; find out why.")
        return alone


def _pytest(root: Path, *words: str) -> int:
    line = [sys.executable, "-m", "pytest", *words]
    return subprocess.run(line, cwd=root, check=False).returncode  # noqa: S603 (our own words)


def _failed(cache: Path) -> list[str]:
    remembered = cache / "v" / "cache" / "lastfailed"
    return sorted(json.loads(remembered.read_text())) if remembered.exists() else []


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 (it is what a person reads at the end of a run)


if __name__ == "__main__":
    sys.exit(run_whole(sys.argv[1:]))
