"""A few hundred deliveries, as the thousands of a long run are made."""

import json
import subprocess
import sys

from config.embedded.environment import ROOT


def test_some_hundred_deliveries_in_every_wrong_way_bring_about_what_the_reference_says() -> None:
    words = ["--deliveries", "400", "--seed", "7"]
    done = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "tests.deliveries.run_deliveries", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["breaches"], told["deliveries"] > 300, told["forged"] > 30) == (0, True, True)
