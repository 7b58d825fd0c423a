"""One charge by ledgers of others, and by ours, in one run: four clients, each with its own wallet.

Ours does more: it takes from four grants by their order, chains the entry, and knows the reference
again. Django-hordak runs in an environment of its own, which the service never sees.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings

from billing.insights.bench import place, shapes
from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Effort, Report, Side, Turn, interleaved, reported
from billing.insights.bench.hands import Deed, Hands
from billing.insights.bench.pgbench import Missing
from billing.insights.bench.scene import Scene, owner

CLIENTS: Final = 4
HORDAK: Final = "django-hordak: a transfer with its check"
MOVED: Final = "a function of SQL, of pgledger's shape"
SUMMED: Final = f"a sum of {shapes.ENTRIES:,} entries and more, then one"
OURS: Final = "ours: a hold"
OURS_WHOLE: Final = "ours: a hold and its capture"
_GOAL: Final = 4.0
PYTHON: Final = Path(".venv", "peers", "bin", "python")
_PROGRAM: Final = "billing/insights/bench/stranger.py"


def run(asked: Asked) -> Report:
    """Charge by each of them in turns; the ratio is that to django-hordak.

    Raises:
        Missing: the environment of the peers was not made.
    """
    with ExitStack() as stack:
        theirs = stack.enter_context(_hordak(python()))
        made = stack.enter_context(shapes.Shapes(owner()))
        scenes = [Scene.fresh(asked.now) for _client in range(2 * CLIENTS)]
        moving, summing, holds, lives = (
            stack.enter_context(Hands(make, processes=CLIENTS))
            for make in (
                shapes.moving,
                shapes.summing,
                lambda number: Deed(scenes[number].hold),
                lambda number: Deed(scenes[CLIENTS + number].life),
            )
        )
        cases = interleaved(
            [
                Side(HORDAK, theirs.turn),
                Side(MOVED, moving.turn, HORDAK),
                Side(SUMMED, summing.turn, HORDAK),
                Side(OURS, holds.turn, HORDAK, _GOAL),
                Side(OURS_WHOLE, lives.turn, HORDAK),
            ],
            asked.effort,
        )
        adrift = made.adrift() + theirs.adrift()
    note = (
        "Here the limit is django-hordak. Ours takes from four grants, chains, and is idempotent."
    )
    return reported(cases, note, adrift=adrift)


def python() -> Path:
    """Return the Python that has django-hordak.

    Raises:
        Missing: there is none.
    """
    found: Path = settings.BASE_DIR / PYTHON
    if not found.exists():
        raise Missing("django-hordak is not here; ./run test --peers --collect-only installs it.")
    return found


class Hordak:
    """Processes of django-hordak, each a client; they do as a line says, and answer by one."""

    def __init__(self, clients: list["subprocess.Popen[str]"]) -> None:
        self._clients = clients

    def turn(self, effort: Effort) -> Turn:
        """Have all of them charge at once."""
        asked = {"seconds": effort.seconds, "calls": effort.calls}
        taken = self._answers(asked)
        complaints = [said for one in taken for said in one["complaints"]]
        return Turn(
            seconds=max(one["ended"] for one in taken) - min(one["began"] for one in taken),
            latencies=[each for one in taken for each in one["latencies"]],
            wrong=len(complaints),
            complaint=next(iter(complaints), ""),
            cpu_seconds=sum(one["cpu_seconds"] for one in taken),
        )

    def adrift(self) -> int:
        """Return how many of their sums are not what they charged."""
        return sum(self._answers(None))

    def _answers(self, asked: object) -> list[Any]:
        for client in self._clients:
            pipe = _pipe(client.stdin)
            pipe.write(f"{json.dumps(asked)}\n")
            pipe.flush()
        return [_heard(client) for client in self._clients]


@contextmanager
def _hordak(theirs: Path) -> Iterator[Hordak]:
    """Have four processes of it stand ready in a database of their own, until the block ends."""
    with place.database_of("hordak") as said, ExitStack() as stack:
        # -P: what lies beside the program is not what it imports.
        line = [str(theirs), "-P", str(settings.BASE_DIR / _PROGRAM)]
        room = {"PATH": os.defpath, "DATABASE": json.dumps(said)}
        subprocess.run([*line, "migrate"], env=room, check=True)  # noqa: S603 (built here)
        start = partial(
            subprocess.Popen,
            line,
            env=room,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        clients: list[subprocess.Popen[str]] = []
        while len(clients) < CLIENTS:
            # One after the other: two roots of its tree cannot be made at once.
            clients.append(stack.enter_context(start()))  # leaving closes its input, which ends it
            _heard(clients[-1])
        yield Hordak(clients)


def _heard(client: "subprocess.Popen[str]") -> Any:  # noqa: ANN401 (what was sent)
    line = _pipe(client.stdout).readline()
    if not line:
        raise RuntimeError("A client of django-hordak has died.")
    return json.loads(line)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None, "it was asked for"
    return pipe
