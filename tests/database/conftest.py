"""Brings on the application's own role: it logs in, owns nothing, and is gone after the test."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from billing.management.commands.migrate import renew_rights
from tests.cast import kling
from tests.jobs.conftest import ada, ask
from tests.payments.conftest import emulator, peer

__all__ = ["ada", "ask", "emulator", "kling", "peer"]


@pytest.fixture
def application(transactional_db: None) -> Iterator[str]:
    """Django is connected as the application; the name of its role."""
    owner: dict[str, Any] = dict(connection.settings_dict)
    # Roles belong to the whole server, on which every worker has a database.
    role = f"linggan_app_of_{owner['NAME']}"
    renew_rights(connection, role=role, password="a-password")
    connection.close()
    connection.settings_dict |= {"USER": role, "PASSWORD": "a-password"}
    yield role
    connection.close()
    connection.settings_dict |= owner
    with connection.cursor() as cursor:
        for sentence in ("DROP OWNED BY {}", "DROP ROLE {}"):
            cursor.execute(sql.SQL(sentence).format(sql.Identifier(role)))
