"""Old code works on new tables while a release goes on, and nobody waits for a table to be read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

# Of before the rule, each with how many operations break it: no code of before works beside
# some of these, so a deployment that is older stops for them (`docs/operations.md`, releases).
BEFORE: Final = MappingProxyType(
    {
        "0002_ledger_terms": 22,
        "0003_job_charges": 20,
        "0004_subscription_terms": 10,
        "0005_promotions": 6,
        "0006_ledger_mends": 1,
        "0007_job_quotes": 1,
        "0008_ledger_owners": 16,
        "0009_partitions": 1,
        "0010_zones": 3,
        "0011_organizations": 4,
        "0012_corrections": 2,
        "0013_partners": 1,
        "0015_test_clocks": 1,
        "0019_withdrawn": 4,
        "0021_turns": 3,
        "0023_films": 3,
        "0024_costs": 3,
        "0025_silence": 2,
        "0027_paid_time": 2,
        "0029_refunds": 3,
        "0031_ids_at_backends": 2,
        "0034_customer_clocks": 3,
        "0035_plan_changes_to_the_end": 5,
        "0036_plan_changes_hold_what_they_take": 2,
        "0037_contracts_in_vain": 1,
        "0039_changes_say_what_they_carry": 1,
        "0043_webhooks_in_lines": 8,
        "0047_account_notes": 6,
        "0050_catalogs_are_announced": 1,
        "0051_alerts": 8,
        "0052_runs_count_for_a_day": 2,
        "0053_what_a_day_touches": 9,
    }
)
_TAKEN_AWAY: Final = (
    migrations.RemoveField,
    migrations.RenameField,
    migrations.DeleteModel,
    migrations.RenameModel,
    migrations.AlterModelTable,
)
# Whoever asks waits for these, and they for him: two tables in one transaction are a deadlock.
_LOCKING: Final = (
    migrations.AddField,
    migrations.RemoveField,
    migrations.AddIndex,
    migrations.AddConstraint,
    migrations.RemoveConstraint,
)


@dataclass(frozen=True, slots=True)
class Tables:
    """What stands before an operation.

    Attributes:
        new: models that the same migration has made: nobody has a row in them, or uses them.
    """

    state: ProjectState
    new: frozenset[str]

    def field(self, model: str, name: str) -> models.Field[object, object]:
        """Return a column as it is before the operation."""
        found: models.Field[object, object] = self.state.models["billing", model].fields[name]
        return found


def troubles(operations: Sequence[Operation], state: ProjectState) -> Iterator[str]:
    """Yield what old code, or whoever asks meanwhile, would feel of a migration."""
    new: frozenset[str] = frozenset()
    locked: dict[str, None] = {}
    for operation in operations:
        yield from _troubles(operation, Tables(state, new))
        if isinstance(operation, migrations.CreateModel):
            new |= {operation.name_lower}
        if isinstance(operation, _LOCKING) and operation.model_name_lower not in new:
            locked[operation.model_name_lower] = None
        operation.state_forwards("billing", state)
    if len(locked) > 1:
        yield f"{', '.join(locked)}: an order may wait for one and have the other; one a migration"


def _troubles(operation: Operation, tables: Tables) -> Iterator[str]:
    model = str(getattr(operation, "model_name_lower", ""))
    if model in tables.new:
        return
    match operation:
        case _ if isinstance(operation, _TAKEN_AWAY):
            yield f"{_words(operation)}: code of before still uses it"
        case migrations.AddField(field=field) if not (field.null or field.many_to_many):
            if not field.has_db_default():
                yield f"{_words(operation)}: code of before writes rows without it; set db_default"
        case migrations.AlterField(name=name, field=field):
            if tables.field(model, name).null and not field.null:
                yield f"{_words(operation)}: code of before writes rows without it"
        case AddIndexConcurrently() | AddConstraintNotValid():
            return
        case migrations.AddIndex():
            yield f"{_words(operation)}: nobody writes meanwhile; AddIndexConcurrently"
        case migrations.AddConstraint():
            yield f"{_words(operation)}: nobody asks meanwhile; AddConstraintNotValid"


def _words(operation: Operation) -> str:
    return f"{type(operation).__name__} {operation.describe()}"


def found() -> dict[str, list[str]]:
    """Return the troubles of each of our migrations that has any."""
    loader = MigrationLoader(None)
    told: dict[str, list[str]] = {}
    for app, name in sorted(loader.graph.nodes):
        if app != "billing":
            continue
        migration = loader.get_migration(app, name)
        state = loader.project_state((app, name), at_end=False)
        if migration.initial or name == "0001_initial":
            continue
        if seen := list(troubles(migration.operations, state)):
            told[name] = seen
    return told


def test_a_migration_serves_the_code_of_before_and_keeps_nobody_waiting() -> None:
    told = found()

    assert {name: len(seen) for name, seen in told.items()} == dict(BEFORE), "\n".join(
        f"{name}: {sentence}"
        for name, seen in told.items()
        if len(seen) != BEFORE.get(name)
        for sentence in seen
    )


@pytest.mark.parametrize(
    "operation",
    [
        migrations.RemoveField("job", "status"),
        migrations.RenameField("job", "status", "state"),
        migrations.DeleteModel("job"),
        migrations.AddField("job", "mark", models.CharField(max_length=9, default="")),
        migrations.AlterField("job", "finished_at", models.DateTimeField()),
        migrations.AddIndex("job", models.Index(fields=["status"], name="by_status")),
        migrations.AddConstraint(
            "job", models.UniqueConstraint(fields=["status"], name="status_once")
        ),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_what_breaks_the_code_of_before_is_seen(operation: Operation) -> None:
    state = MigrationLoader(None).project_state()

    assert len(list(troubles([operation], state))) == 1


def test_two_tables_in_one_transaction_are_seen() -> None:
    mark: models.Field[str, str] = models.CharField(max_length=9, db_default="")
    both = [migrations.AddField(model, "mark", mark) for model in ("attempt", "message")]
    state = MigrationLoader(None).project_state()

    [told] = troubles(both, state)

    assert told.startswith("attempt, message: ")


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("job", "mark", models.CharField(max_length=9, db_default="")),
        migrations.AddField("job", "mark", models.CharField(max_length=9, null=True)),
        AddIndexConcurrently("job", models.Index(fields=["status"], name="by_status")),
    ],
    ids=lambda operation: str(operation.describe()),
)
def test_what_the_code_of_before_can_live_with_passes(operation: Operation) -> None:
    state = MigrationLoader(None).project_state()

    assert list(troubles([operation], state)) == []
