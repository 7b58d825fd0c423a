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


def test_the_triggers_come_and_go_with_the_migration() -> None:
    """The statements run one by one: `plans` cannot leave while rows of `billing` point at it."""
    migration = MigrationExecutor(connection).loader.get_migration("plans", "0001_initial")
    guard = migration.operations[-1]
    ours = {"catalogversion_is_immutable", "publication_is_immutable"}
    assert ours <= triggers()

    with connection.schema_editor() as editor:
        guard.database_backwards("plans", editor, ProjectState(), ProjectState())
    assert not ours & triggers()

    with connection.schema_editor() as editor:
        guard.database_forwards("plans", editor, ProjectState(), ProjectState())
    assert ours <= triggers()
