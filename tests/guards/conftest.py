"""Brings the cast on; static files have their plain names."""

import pytest
from pytest_django import Settings

from tests.cast import ada, kling

__all__ = ["ada", "kling"]


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": plain}}
