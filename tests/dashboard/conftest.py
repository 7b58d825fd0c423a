"""A shop that sells, its people, operators of each role, and files served as they lie."""

import pytest
from django.test import Client
from pytest_django import Settings

from tests.insights.conftest import ada, buyer, eve, kling, shop
from tests.matrix.operators import CATALOG_MANAGER, FINANCE, operator_of, signed_in

__all__ = ["ada", "buyer", "eve", "kling", "shop"]


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def finn(db: None) -> Client:
    """Return the browser of Finn, who does finance."""
    return signed_in(operator_of(FINANCE))


@pytest.fixture
def cara(db: None) -> Client:
    """Return the browser of Cara, who manages catalogs and sees no number."""
    return signed_in(operator_of(CATALOG_MANAGER))
