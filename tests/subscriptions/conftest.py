"""Brings the cast on, and catalogs that differ from the default one by a few words."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from plans.catalog import publish
from plans.models import CatalogVersion
from tests import factories
from tests.cast import ada, kling

__all__ = ["ada", "kling"]

STANDARD = 'code = "standard"\nname = { en = "Standard", zh = "标准版" }\n'
PRICE = '{ currency = "CNY", interval = "P1M", list = "66" },\n'
MONTHLY = 'credits = "660"\n  rollover'
MOVE = f'{STANDARD}existing = "move"\n'
Vary = Callable[..., CatalogVersion]


def written(*changes: tuple[str, str], more: str = "") -> str:
    """Return the default catalog with these texts replaced, each of which it must have."""
    text = factories.KLING.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text + more


@pytest.fixture
def vary(db: None) -> Vary:
    """Put a catalog in force that differs from the default one."""

    def put(*changes: tuple[str, str], more: str = "") -> CatalogVersion:
        return publish.publish(written(*changes, more=more), now=timezone.now())

    return put
