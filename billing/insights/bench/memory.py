"""How much memory a web worker and a Celery worker have, at their start and under load."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from billing.insights.bench.asked import Asked
from billing.insights.bench.client import CONNECTIONS
from billing.insights.bench.errands import backend, worker
from billing.insights.bench.figures import Effort, Report
from billing.insights.bench.programs import Program, use_of
from billing.insights.bench.reading import token_of
from billing.insights.bench.scene import Scene
from billing.insights.bench.web import WebServer, question

_KIB: Final = 1024
_GOAL_MIB: Final = 200
_TURN: Final = Effort(seconds=5.0)
_FEW: Final = Effort(calls=2)
_FLAT_PERCENT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Weight:
    """What one process weighs, in MiB.

    Attributes:
        start, warm, end, most: resident: after a few requests, in the middle, at the end, at most.
        end_pss: at the end, with what it shares counted in part.
    """

    name: str
    start: float
    warm: float
    end: float
    most: float
    end_pss: float


def run(asked: Asked) -> Report:
    """Read balances and order videos for `asked.minutes`, and look at the workers meanwhile."""
    people = [Scene.fresh(asked.now) for _number in range(CONNECTIONS)]
    names = [token_of(one.account, now=asked.now) for one in people]
    with (
        tempfile.TemporaryDirectory(prefix="linggan-bench-") as folder,
        backend(Path(folder) / "backend"),
        worker() as celery,
        WebServer("config.wsgi") as server,
    ):
        questions = [
            question(server.port, names, "GET", "/v1/balance"),
            question(server.port, names, "POST", "/v1/jobs", status=201),
        ]
        kinds: dict[str, Program] = {"web worker": server, "Celery worker": celery}
        seen: dict[str, list[tuple[float, float]]] = {}
        until = time.monotonic() + 60 * asked.minutes
        wrong = asks = 0
        complaint = ""
        questions[0].turn(_FEW)  # so that all is loaded
        _look(kinds, seen)
        while asks == 0 or time.monotonic() < until:
            for one in questions:
                turn = one.turn(_TURN if asked.effort.calls is None else asked.effort)
                wrong, asks = wrong + turn.wrong, asks + len(turn.latencies)
                complaint = complaint or turn.complaint
            _look(kinds, seen)
    rows = [_weight(name, looks) for name, looks in seen.items()]
    notes = [f"{asks:,} requests within {asked.minutes:g} minutes.", *map(_verdict, rows)]
    notes += [f"The first wrong answer: {complaint}"] if complaint else []
    return Report(rows=rows, notes=notes, mismatches=wrong)


def _look(kinds: dict[str, Program], seen: dict[str, list[tuple[float, float]]]) -> None:
    for kind, program in kinds.items():
        for number, pid in enumerate(program.workers(), 1):
            use = use_of(pid)
            looks = seen.setdefault(f"{kind} {number}", [])
            looks.append((use.rss_kib / _KIB, use.pss_kib / _KIB))


def _weight(name: str, looks: list[tuple[float, float]]) -> Weight:
    resident = [rss for rss, _pss in looks]
    return Weight(
        name=name,
        start=resident[0],
        warm=resident[len(resident) // 2],
        end=resident[-1],
        most=max(resident),
        end_pss=looks[-1][1],
    )


def _verdict(weight: Weight) -> str:
    grown = 100 * (weight.end / weight.warm - 1)
    is_flat = grown <= _FLAT_PERCENT
    verdict = "met" if weight.most < _GOAL_MIB and is_flat else "missed"
    return (
        f"{weight.name}: {weight.most:.0f} MiB at most, {grown:+.1f}% in the second half; goal "
        f"below {_GOAL_MIB} MiB and flat within {_FLAT_PERCENT:g}%: {verdict}."
    )
