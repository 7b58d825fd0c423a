"""Deploys each commit that brought a migration over the one before it, while clients ask.

    ./run test --rolling [NAME …] [--since REV] [--seed S] [--json FILE]

Without names all that came after REV, the newest first; a name is a migration's as its commit
called it. The old code works on the old tables; the new code's `migrate` is killed half-way and
done again under it; then the old code works on the new tables, both codes beside each other, and
the new one alone; last of all the code of today judges. It ends with one table, and with 1 if a
request failed or a rule was broken.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from config.embedded.environment import ROOT
from tests.faults.rolling import history
from tests.faults.rolling.history import Step

# The commit before migration 0054.
_SINCE: Final = "a6628eebd43a831712633c6ab0c094ea9bac161f"
_COLUMNS: Final = ("requests", "migrate_seconds", "lock_seconds", "slowest_seconds")
_SHOWN: Final = 20


def main(words: Sequence[str]) -> int:
    """Do each; print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="./run test", description=__doc__)
    parser.add_argument("--rolling", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--since", default=_SINCE, metavar="REV")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args(words)
    if missing := history.missing():
        raise SystemExit(f"Nothing was deployed: {missing}.")
    known = history.steps(asked.since)
    chosen = [one for one in known if not asked.rolling or {*one.names} & {*asked.rolling}]
    if not chosen:
        there = ", ".join(name for one in known for name in one.names)
        raise SystemExit(f"There is no such migration since {asked.since}; there are: {there}.")
    rows = [_deployed(one, asked.seed) for one in chosen]
    _tell(rows)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))
    return 1 if any(map(_is_broken, rows)) else 0


def _deployed(step: Step, seed: int) -> dict[str, Any]:
    """Return what was seen of one deploy, in a process of its own."""
    began = time.monotonic()
    names = "+".join(step.names)
    _say(f"{names}: {step.old[:7]} -> {step.new[:7]}")
    words = ("-m", "tests.faults.rolling.deploy", names, step.old, step.new, str(seed))
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        _say(done.stderr)
        return {"names": names, "ended": done.returncode}
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for phase, failed in row["failed"].items():
        _say(f"  FAILED while {phase}: {len(failed)}: {', '.join(failed[:_SHOWN])}")
    for sentence in row["breaches"][:_SHOWN]:
        _say(f"  BROKEN {sentence}")
    for note in row["notes"]:
        _say(f"  {note}")
    _say(f"  {time.monotonic() - began:.0f} s")
    return row


def _is_broken(row: dict[str, Any]) -> bool:
    return bool(row.get("ended") or row["failed"] or row["breaches"])


def _tell(rows: Sequence[dict[str, Any]]) -> None:
    """Print the one table."""
    head = ("migration", *_COLUMNS, "cut half-way", "failed", "LOST", "DOUBLED", "breaches")
    _say(" | ".join(head))
    for row in rows:
        if "ended" in row:
            _say(f"{row['names']} | was not deployed to its end")
            continue
        cells = (
            row["names"],
            *(row[name] for name in _COLUMNS),
            "yes" if row["was_cut"] else "too quick",
            sum(map(len, row["failed"].values())),
            *(row["lost"], row["doubled"], len(row["breaches"])),
        )
        _say(" | ".join(map(str, cells)))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
