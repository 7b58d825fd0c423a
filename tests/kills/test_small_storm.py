"""A small storm on each change: the long one's program, over as soon as a lease that was lost."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_small_storm_loses_nothing() -> None:
    storm = [sys.executable, "-m", "tests.kills.run_storm"]
    words = ["--kills", "6", "--jobs", "40", "--wipes", "1", "--seed", "4", "--patience", "400"]

    done = subprocess.run(  # noqa: S603 (our own program)
        [*storm, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["jobs"], told["final"], told["breaches"]) == (40, 40, 0)
    assert (told["kills"], told["wipes"]) == (6, 1)
