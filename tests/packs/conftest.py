"""The cast of the packs' tests: a shelf of packs of every kind, and Ada in the sandbox."""

import pytest

from billing.accounts.models import Account
from tests import factories
from tests.packs import shelf


@pytest.fixture
def shop(db: None) -> None:
    """A catalog is in force whose shelf has packs of every kind."""
    shelf.publish_shop()


@pytest.fixture
def ada(shop: None) -> Account:
    """Ada has a sandbox account, so that her clock can be moved."""
    return factories.new_account("ada")
