"""Brings the cast on."""

from collections.abc import Iterator

import pytest
from django.db import connection

from billing.insights import audit
from tests.cast import ada, kling

__all__ = ["ada", "kling"]


@pytest.fixture
def ends_clean(db: None) -> Iterator[None]:
    """Whatever the test did, no invariant is broken afterwards."""
    yield
    connection.check_constraints()
    assert list(audit.breaches()) == []
