"""How hard Hypothesis looks, by place: a desk, CI, or a night; and how committed rows go."""

import os
from collections.abc import Iterator, Sequence

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations
from hypothesis import settings

settings.register_profile("desk", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None)
settings.register_profile("night", max_examples=10_000, deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "desk")
)


@pytest.fixture(scope="session", autouse=True)
def _the_tests_may_forget() -> Iterator[None]:
    """Let the tests' own clean-up empty tables that refuse to be emptied.

    Only the emptying after a test that committed: inside a test every trigger stands.
    """
    flush = DatabaseOperations.execute_sql_flush

    def forget(self: DatabaseOperations, sql_list: Sequence[str]) -> None:
        flush(
            self,
            [
                "SET session_replication_role = replica",
                *sql_list,
                "SET session_replication_role = DEFAULT",
            ],
        )

    patch = pytest.MonkeyPatch()
    patch.setattr(DatabaseOperations, "execute_sql_flush", forget)
    yield
    patch.undo()
