"""The bench runs, counts mismatches and leaves nothing of its own. No figure is asserted."""

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from billing.insights import bench
from billing.ledger.models import Hold
from tests import factories


@pytest.mark.django_db(transaction=True)
def test_every_case_of_the_bench_runs_and_breaks_no_invariant(settings: Settings) -> None:
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["*"],
            "sandbox": True,
        }
    }
    factories.publish_kling()

    report = bench.run(calls=2, now=timezone.now())

    assert report.mismatches == 0
    names = [case.name for case in report.cases]
    assert {"quote in the pure core", "hold", "hold and capture", "submit"} <= set(names)
    assert sum("rows" in name and "card" in name for name in names) >= 2
    assert not Hold.objects.filter(state=Hold.State.OPEN).exists()
    assert not [name for name in connection.introspection.table_names() if "bench" in name]
