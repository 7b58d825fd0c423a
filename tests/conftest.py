"""How hard Hypothesis looks, what was looked at, and how committed rows go."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, TransactionTestCase
from hypothesis import settings

from tests import template, thoroughness
from tests.emptying import empty
from tests.operators import signed_in

settings.register_profile("desk", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None)
settings.register_profile("night", max_examples=10_000, deadline=None)
settings.load_profile(thoroughness.PROFILE)


@pytest.fixture(scope="session", autouse=True)
def _the_tests_may_forget() -> Iterator[None]:
    """Let a test that committed leave nothing behind, at little cost."""
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Have the test's database copied from one that is migrated, where servers were started."""
    if template.is_announced():
        connection.settings_dict["TEST"]["TEMPLATE"] = template.made()


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
