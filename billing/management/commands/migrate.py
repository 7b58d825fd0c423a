"""`migrate`: Django's own, as the tables' owner; then roles and rights are what they should be."""

from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from billing.operators import services as operators

OWNER: Final = "owner"  # the alias of DATABASE_OWNER_URL
_RIGHTS: Final = Path(__file__).parents[2] / "migrations" / "sql" / "rights.sql"


class Command(migrate.Command):
    """Where DATABASE_OWNER_URL is unset the application owns its tables, and nothing is granted."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what Django's command takes; the owner's connection is the default."""
        super().add_arguments(parser)
        if OWNER in settings.DATABASES:
            parser.set_defaults(database=OWNER)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Migrate, then renew the operators' roles and the application's rights."""
        super().handle(*args, **options)
        if _is_whole(connections[options["database"]]):
            operators.keep_roles(using=options["database"])
        if options["database"] == OWNER:
            application = settings.DATABASES[DEFAULT_DB_ALIAS]
            renew_rights(
                connections[OWNER], role=application["USER"], password=application["PASSWORD"]
            )


def _is_whole(database: BaseDatabaseWrapper) -> bool:
    """Say whether every migration is in: what roles allow is named by the last of them."""
    executor = MigrationExecutor(database)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def renew_rights(owner: BaseDatabaseWrapper, *, role: str, password: str) -> None:
    """Have the application's role, with its time limits, these rights and no others.

    Args:
        owner: the connection of whom the tables belong to.
        password: for a role that has yet to be made; an existing one keeps its own.

    Raises:
        CommandError: there is no such role, and the owner may not make one.
    """
    if role == owner.settings_dict["USER"]:
        raise CommandError("DATABASE_URL and DATABASE_OWNER_URL name one role; it must be two.")
    with transaction.atomic(using=owner.alias), owner.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            _make_role(owner, role, password)
        cursor.execute("SELECT set_config('linggan.application', %s, true)", [role])
        cursor.execute(_RIGHTS.read_text())


def _make_role(owner: BaseDatabaseWrapper, role: str, password: str) -> None:
    """Make it by the password's digest, so that no log of the server has the password."""
    session: psycopg.Connection[Any] = owner.connection
    digest = session.pgconn.encrypt_password(password.encode(), role.encode()).decode()
    try:
        session.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(digest)
            )
        )
    except psycopg.errors.InsufficientPrivilege as refusal:
        raise CommandError(
            f"The role {role} of DATABASE_URL is not there and this owner may make none; "
            f'as a superuser: CREATE ROLE "{role}" LOGIN PASSWORD …, then migrate again.'
        ) from refusal
