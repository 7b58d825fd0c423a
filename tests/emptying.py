"""How the rows that a test has committed go: only those, and not each table with its indexes.

Django truncates every table after such a test and then makes the content types and permissions
again. Here a truncation makes a thousand files new for the few dozen rows of a test; deleting
them costs a hundredth. What follows from the code alone, content types and permissions, stays.
"""

from typing import Final

from django.core.management.color import no_style
from django.core.management.sql import emit_post_migrate_signal, sql_flush
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

_MADE_OF_CODE: Final = ["django_migrations", "django_content_type", "auth_permission"]
_FEW_BYTES: Final = 4 << 20
# A file with pages may be empty, one without is.
_FILLED: Final = """
SELECT format('%%I.%%I', n.nspname, c.relname), pg_relation_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname <> ALL(%s)
  AND pg_relation_size(c.oid) > 0
"""
# What another has yet to commit, a deletion does not see.
_OTHERS_AT_WORK: Final = """
SELECT EXISTS (
  SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    AND backend_type = 'client backend'
)
"""
# Inside a test every trigger stands; here tables that refuse to be emptied must not.
_FORGET: Final = "SET LOCAL session_replication_role = replica"


def empty(test: TransactionTestCase) -> None:
    """Leave no row behind of what the test and its workers have committed."""
    for alias in test._databases_names(include_mirrors=False):  # type: ignore[attr-defined]  # the stubs leave it out
        database = connections[alias]
        try:
            is_done = _delete(database)
        except OperationalError:  # a deadlock with the last words of a worker
            is_done = False
        if not is_done:
            try:
                _truncate(database)
            except OperationalError:  # as above; by now it has said them
                _truncate(database)


def _delete(database: BaseDatabaseWrapper) -> bool:
    """Delete what is there; return False where that would take long or might miss something."""
    with transaction.atomic(using=database.alias), database.cursor() as cursor:
        cursor.execute(_OTHERS_AT_WORK)
        if cursor.fetchone()[0]:
            return False
        cursor.execute(_FILLED, [_MADE_OF_CODE])
        filled = dict(cursor.fetchall())
        if sum(filled.values()) > _FEW_BYTES:
            return False
        if filled:
            cursor.execute("; ".join([_FORGET, *(f"DELETE FROM {name}" for name in filled)]))
    return True


def _truncate(database: BaseDatabaseWrapper) -> None:
    """Empty every table as Django does: it waits for whoever still writes."""
    with transaction.atomic(using=database.alias), database.cursor() as cursor:
        cursor.execute(_FORGET)
        for statement in sql_flush(no_style(), database):
            cursor.execute(statement)
    emit_post_migrate_signal(verbosity=0, interactive=False, db=database.alias)
