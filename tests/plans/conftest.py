"""What the tests of published catalogs share."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from plans import selectors

KLING = Path(__file__).resolve().parents[2] / "plans" / "catalogs" / "kling.toml"


@pytest.fixture(autouse=True)
def _static_files() -> None:
    """Make the folder that whitenoise looks for; these tests serve no file from it."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 23, 4, tzinfo=UTC)


@pytest.fixture
def kling() -> str:
    return KLING.read_text()


@pytest.fixture
def dearer(kling: str) -> str:
    """Return the catalog after a price rise."""
    return kling.replace('table = { 5 = "10", 10 = "20" }', 'table = { 5 = "12", 10 = "24" }')


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """Forget the catalogs of the test before; its versions are gone from the database."""
    selectors._catalog.cache_clear()
    yield
    selectors._catalog.cache_clear()
