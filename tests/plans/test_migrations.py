from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

pytestmark = pytest.mark.django_db


def triggers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname LIKE '%is_immutable'")
        return {name for (name,) in cursor.fetchall()}


def test_the_models_and_the_migrations_say_the_same() -> None:
    call_command("makemigrations", "plans", check=True, dry_run=True, stdout=StringIO())


def test_what_was_published_before_instants_began_when_it_was_published() -> None:
    """The new column is filled past the guard, which stands again afterwards."""
    migration = MigrationExecutor(connection).loader.get_migration("plans", "0002_effective")
    assert "publication_is_immutable" in triggers()

    with connection.schema_editor(atomic=False) as editor:
        state = MigrationExecutor(connection).loader.project_state(("plans", "0001_initial"))
        migration.unapply(state, editor)
        assert "publication_is_immutable" in triggers()
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO plans_catalogversion VALUES"
                " ('cat_old', 'old', 1, repeat('0', 64), '', '{}', '2026-01-01T00:00:00Z')"
            )
            cursor.execute(
                "INSERT INTO plans_publication (version_id, published_at)"
                " VALUES ('cat_old', '2026-01-02T00:00:00Z')"
            )
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as at the commit of long ago
        state = MigrationExecutor(connection).loader.project_state(("plans", "0001_initial"))
        migration.apply(state, editor)

    assert "publication_is_immutable" in triggers()
    assert "withdrawal_is_immutable" in triggers()
    with connection.cursor() as cursor:
        cursor.execute("SELECT effective_at = published_at FROM plans_publication")
        assert cursor.fetchall() == [(True,)]


def test_the_triggers_come_and_go_with_the_migration() -> None:
    """The statements run one by one: `plans` cannot leave while rows of `billing` point at it."""
    migration = MigrationExecutor(connection).loader.get_migration("plans", "0001_initial")
    guard = migration.operations[-1]
    later = MigrationExecutor(connection).loader.get_migration("plans", "0002_effective")
    newer = later.operations[-1]
    newest = MigrationExecutor(connection).loader.get_migration("plans", "0004_drafts")
    drafts = newest.operations[-1]
    ours = {*("catalogversion_is_immutable", "publication_is_immutable"), "withdrawal_is_immutable"}
    assert ours <= triggers()

    with connection.schema_editor() as editor:
        drafts.database_backwards("plans", editor, ProjectState(), ProjectState())
        newer.database_backwards("plans", editor, ProjectState(), ProjectState())
        guard.database_backwards("plans", editor, ProjectState(), ProjectState())
    assert not ours & triggers()

    with connection.schema_editor() as editor:
        guard.database_forwards("plans", editor, ProjectState(), ProjectState())
        newer.database_forwards("plans", editor, ProjectState(), ProjectState())
        drafts.database_forwards("plans", editor, ProjectState(), ProjectState())
    assert ours <= triggers()
