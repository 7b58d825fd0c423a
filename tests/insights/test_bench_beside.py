"""The bench's errands come once, with a nudge and without; ledgers of others add up beside ours."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as dj_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from billing.insights import audit
from billing.insights.bench import errands, peers, shapes
from billing.insights.bench.cases import GROUPS
from billing.insights.bench.errands import Errand
from billing.insights.bench.figures import Case
from billing.insights.bench.hands import alone
from billing.insights.bench.scene import Scene, owner
from billing.jobs.models import Attempt
from billing.outbox import pauses
from tests.insights.benching import FEW, asked


@pytest.mark.night  # a minute, and its processes share two cores with all other tests here
@pytest.mark.django_db(transaction=True)
def test_errands_reach_their_backend_once_and_a_sweep_alone_finds_them(stage: None) -> None:
    report = GROUPS["errands"].run(replace(asked(), rate=5))  # half of that is not looked for

    rows = {row.name: row for row in report.rows if isinstance(row, Errand)}
    assert (report.mismatches, list(audit.breaches())) == (0, [])
    assert {errands.NUDGED, errands.ORDERED} <= rows.keys()
    swept = rows[errands.SWEPT]
    assert (swept.sent, swept.lost) == (8, 0)
    assert swept.p50_ms >= pauses.after_ring(1).total_seconds() * 1000, "a nudge came through"


@pytest.mark.django_db(transaction=True)
def test_an_order_that_comes_to_the_backend_twice_or_from_nowhere_is_a_mismatch(
    stage: None, tmp_path: Path
) -> None:
    scene = Scene.fresh(timezone.now())
    for _job in range(2):
        scene.submit()
    now, first, second = timezone.now(), *scene.open_jobs
    times = {"lease_until": now, "check_at": now, "created_at": now}
    over = {"state": "ended", "outcome": "failed", "ended_at": now}
    tries = [
        Attempt.objects.create(job_id=job, number=number, **times, **state).pk
        for job, number, state in ((first, 1, over), (second, 1, {}), (first, 2, {}))
    ]
    road = errands._Road(asked(), tmp_path)

    for count, came in enumerate([tries[:2], tries, [*tries, tries[0]], [*tries, *tries[:1], "x"]]):
        road.arrivals.write_text("".join(f"1.0 {key}\n" for key in came))
        assert road.twice() == count


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "drift",
    [
        "UPDATE bench_account SET balance = balance + 1 WHERE may_owe",
        "DELETE FROM bench_posting WHERE amount = -1000000",
        "UPDATE bench_summed_entry SET amount = -amount",
    ],
)
def test_a_ledger_of_another_shape_that_does_not_add_up_is_counted(drift: str) -> None:
    with shapes.Shapes(owner()) as made:
        for make in (shapes.moving, shapes.summing):
            assert alone(make(0), FEW).wrong == 0
        assert made.adrift() == 0
        with connection.cursor() as cursor:
            cursor.execute(drift)
        assert made.adrift() > 0


@pytest.mark.night  # `./run test --peers --collect-only` makes the environment; CI has none
@pytest.mark.skipif(
    not (dj_settings.BASE_DIR / peers.PYTHON).exists(), reason="the peers' environment is not made"
)
@pytest.mark.django_db(transaction=True)
def test_ledgers_of_others_charge_in_the_same_run_as_ours(stage: None) -> None:
    report = GROUPS["peers"].run(asked())

    rows = [row for row in report.rows if isinstance(row, Case)]
    assert (report.mismatches, list(audit.breaches())) == (0, [])
    assert [row.name for row in rows if row.goal is not None] == [peers.OURS]
    assert rows[0].name == peers.HORDAK
    assert all(row.per_second > 0 and row.ratio is not None for row in rows[1:])


def test_where_the_peers_are_not_installed_it_is_said_how(
    settings: Settings, tmp_path: Path
) -> None:
    settings.BASE_DIR = tmp_path

    with pytest.raises(CommandError, match=r"\./run test --peers --collect-only"):
        call_command("bench", "peers")
