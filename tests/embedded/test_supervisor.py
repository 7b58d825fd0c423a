"""The process tree: who crashes is started again, who complains is heard, nobody stays behind."""

import sys
from pathlib import Path

import pytest

from config.embedded.supervisor import Program, Supervisor


def test_a_crashed_part_is_started_again_and_its_complaint_is_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once = tmp_path / "once"
    script = (
        "import pathlib, sys, time\n"
        f"once = pathlib.Path({str(once)!r})\n"
        "if not once.exists():\n"
        "    once.touch()\n"
        "    print('a quiet word', flush=True)\n"
        "    sys.exit('ERROR: the first of two')\n"
        "time.sleep(600)\n"
    )
    part = Program([sys.executable, "-c", script], patience_seconds=1)
    parts = Supervisor(tmp_path)

    parts.start("worker", part)
    first = part.process
    for _look in range(100):
        parts.look()
        if part.process is not first:
            break
    parts.stop()

    told = capsys.readouterr().out
    assert part.process is not first
    assert part.process.returncode is not None
    assert "[worker] ERROR: the first of two\n" in told
    assert "[worker] has ended (exit code 1); starting it again in 1 s" in told
    assert "a quiet word" not in told
    assert "a quiet word\n" in (tmp_path / "worker.log").read_text()


def test_parts_end_in_the_reverse_of_their_order(tmp_path: Path) -> None:
    ended: list[str] = []

    class Noted(Program):
        def stop(self) -> None:
            super().stop()
            ended.append(str(self._command[-1]))

    parts = Supervisor(tmp_path)
    for name in ["database", "web", "scheduler"]:
        parts.start(name, Noted([sys.executable, "-c", "import time; time.sleep(600)", name]))

    parts.stop()

    assert ended == ["scheduler", "web", "database"]
