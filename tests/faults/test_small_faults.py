"""A few rounds of the faults on each change: the long run's own program, over in minutes."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHEAP = ("F4", "F6", "F7")


def test_a_database_that_is_lost_in_each_way_loses_nothing() -> None:
    faults = [sys.executable, "-m", "tests.faults.run_faults", "--faults", *CHEAP]

    done = subprocess.run(  # noqa: S603 (our own program)
        [*faults, "--rounds", "1"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert [one["experiment"] for one in told] == list(CHEAP)
    for one in told:
        assert one["count"] == 1, one
        assert one["acknowledged"] > 0, one
        assert (one["lost"], one["doubled"], one["breaches"]) == (0, 0, []), one


def test_an_experiment_that_does_not_exist_is_refused_by_name() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "tests.faults.run_faults", "--faults", "F4", "F999"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert "There is no F999; there are: F1, F3, F4," in refused.stderr
