"""The cast of every test that needs one: a catalog in force, and Ada, who has an account."""

import pytest

from billing.accounts.models import Account
from plans.models import CatalogVersion
from tests import factories


@pytest.fixture
def kling(db: None) -> CatalogVersion:
    """The default catalog is in force."""
    return factories.publish_kling()


@pytest.fixture
def ada(kling: CatalogVersion) -> Account:
    """Ada has a sandbox account, so that her clock can be moved."""
    return factories.new_account("ada")
