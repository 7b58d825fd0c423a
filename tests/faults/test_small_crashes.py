"""A few of the crash points on each change, and the planted bugs that they must find."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# The two whose scenes take longest to set wait for the long run.
QUICK = (
    *("submit", "dispatch", "success applied", "failure applied", "running job canceled"),
    *("check-in", "redemption", "transfer", "adjustment approved", "pack event applied"),
    *("refund asked", "refund sent", "webhook delivered", "messages rung"),
)


def _lived(*words: str) -> dict[str, Any]:
    crashes = [sys.executable, "-m", "tests.faults.crashing.run_crashes", "--crashes"]
    done = subprocess.run(  # noqa: S603 (our own program)
        [*crashes, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_a_process_that_is_cut_off_anywhere_loses_nothing_and_planted_bugs_are_found() -> None:
    told = _lived("--scenes", ",".join(QUICK), "--share", "1/60", "--plants")

    assert (told["scenarios"], told["breaches"]) == (len(QUICK), 0), told
    assert told["cuts"] >= 2 * len(QUICK), told
    assert told["found"] == told["planted"] >= 3, told
