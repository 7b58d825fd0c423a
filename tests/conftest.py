"""How hard Hypothesis looks, what was looked at, and how committed rows go."""

from collections.abc import Iterator, Sequence

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from hypothesis import settings

from tests import thoroughness
from tests.operators import signed_in

settings.register_profile("desk", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None)
settings.register_profile("night", max_examples=10_000, deadline=None)
settings.load_profile(thoroughness.PROFILE)


@pytest.fixture(scope="session", autouse=True)
def _the_tests_may_forget() -> Iterator[None]:
    """Let the tests' own clean-up empty tables that refuse to be emptied.

    Only the emptying after a test that committed: inside a test every trigger stands.
    """
    flush = DatabaseOperations.execute_sql_flush

    def forget(self: DatabaseOperations, sql_list: Sequence[str]) -> None:
        statements = [
            "SET session_replication_role = replica",
            *sql_list,
            "SET session_replication_role = DEFAULT",
        ]
        try:
            flush(self, statements)
        except OperationalError:  # a deadlock with the last words of a worker
            flush(self, statements)

    patch = pytest.MonkeyPatch()
    patch.setattr(DatabaseOperations, "execute_sql_flush", forget)
    yield
    patch.undo()


@pytest.fixture
def admin_client(db: None) -> Client:
    """Return the browser of a superuser who is in, in place of the plugin's, who is half in."""
    return signed_in(Client(), User.objects.create_superuser("admin"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was looked at where that depends on the profile."""
    told = [
        str(text)
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == thoroughness.LOOKED
    ]
    if told:
        terminalreporter.section(f"looked at ({thoroughness.PROFILE})")
        for line in sorted(told):
            terminalreporter.write_line(line)
