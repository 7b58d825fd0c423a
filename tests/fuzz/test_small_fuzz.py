"""A few hundred requests, as the hundred thousand of a long run are made."""

import json
import subprocess
import sys

from config.embedded.environment import ROOT


def test_some_hundred_requests_of_everybody_are_answered_as_the_document_says() -> None:
    words = ["--fuzz", "600", "--seed", "7"]
    done = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "tests.fuzz.run_fuzz", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["flaws"], told["server_errors"], told["unanswered"]) == (0, 0, 0)
    assert told["requests"] >= 600
    assert told["unreached"] < told["operations"]
