"""Each rule sees what a superuser does to the rows: the way from a row to its rule holds."""

from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from billing.outbox import gateway
from tests.drift import places
from tests.faults import rules, verdict
from tests.faults.plants import PLANTS
from tests.faults.world import CUSTOMERS, World, good_end
from tests.kills import checks


@pytest.fixture
def world(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """Return a good end, in whose transaction no rule of the database holds any more."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["*"],
            "concurrency": 2,
        }
    }
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    monkeypatch.setattr(verdict, "CUSTOMERS", CUSTOMERS)
    made = good_end(tmp_path)
    places.forget_the_rules()
    return made


def found(world: World, plant: str) -> list[str]:
    """Return what the rules say once a plant is in the rows, which it leaves again.

    Django knows nothing of this savepoint: inside a transaction of ours nobody would be answered.
    """
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT unplanted")
        try:
            cursor.execute(plant.format(**world.rows))
            assert cursor.rowcount == 1, f"it hits {cursor.rowcount} rows: {plant}"
            return rules.breaches(verdict.look(world.field, world.load))
        finally:
            cursor.execute("ROLLBACK TO SAVEPOINT unplanted")


def test_a_good_end_in_the_rows_breaks_no_rule(world: World) -> None:
    assert rules.breaches(verdict.look(world.field, world.load)) == []


def test_each_rule_sees_what_was_planted_in_the_rows(world: World) -> None:
    missed = [
        f"{rule}: {plant}"
        for rule, plants in PLANTS.items()
        for plant in plants
        if not any(said.startswith(f"{rule}:") for said in found(world, plant))
    ]

    assert missed == []


def test_every_rule_of_rows_has_three_plants() -> None:
    known = {rule.__name__ for rule in (*rules.RULES, *checks.CHECKS)}

    assert PLANTS.keys() <= known
    assert all(len(set(plants)) >= 3 for plants in PLANTS.values())
    assert known - PLANTS.keys() == NOT_OF_ROWS


# What they look at is with the clients, the backend, or the processes; test_verdict.py and
# test_checkers.py plant there.
NOT_OF_ROWS = {
    "every_refusal_has_its_reason",
    "trouble_is_told_as_trouble",
    "everything_is_known_in_the_end",
    "nobody_else_has_fallen",
    "every_order_was_accepted",
    "a_repeat_is_answered_with_the_same_job",
    "every_accepted_order_is_one_job",
    "no_attempt_is_handed_over_twice",
    "another_attempt_follows_only_a_refusal",
    "no_order_is_worked_on_twice",
    "what_is_paid_was_worked_on",
    "everything_that_was_planned_has_happened",
}
