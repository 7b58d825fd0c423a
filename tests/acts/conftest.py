"""The cast of acts: a shop with a campaign, Ada and Bob, and two operators of the team."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from tests import factories
from tests.corrections import desk
from tests.corrections.conftest import backend, ends_clean
from tests.matrix.operators import operator_of
from tests.operators import signed_in

__all__ = ["backend", "ends_clean"]

SPRING = """
[[campaign]]
code = "spring"
name = { en = "Spring", zh = "春天" }
kind = "promo"
credits = "5"
budget = "12"
"""
Act = Callable[..., str]


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def shop(db: None) -> None:
    """A catalog is in force with the campaign `spring`: two shares of 5, and 2 are left."""
    desk.open_shop(desk.KEYS + SPRING)


@pytest.fixture
def ada(shop: None) -> Account:
    """Ada has an open wallet of a customer."""
    return _customer("ada")


@pytest.fixture
def bob(shop: None) -> Account:
    """Bob has one, too."""
    return _customer("bob")


@pytest.fixture
def cyd(shop: None) -> Account:
    """Cyd as well."""
    return _customer("cyd")


@pytest.fixture
def sam(db: None) -> User:
    """Sam is of support: he asks."""
    return operator_of("support")


@pytest.fixture
def fay(db: None) -> User:
    """Fay is of finance: she decides."""
    return operator_of("finance")


def browser(person: User) -> Client:
    """Return a browser with the operator in it."""
    return signed_in(Client(), User.objects.get(pk=person.pk))


def chosen(name: str, *keys: str, **more: str) -> dict[str, object]:
    """Return what a list sends for an act on these rows; with a `reason` it is done."""
    done = {"act": name} if "reason" in more else {}
    return {"action": name, "_selected_action": list(keys), **done, **more}


def _customer(name: str) -> Account:
    account = factories.new_account(name, is_sandbox=False)
    factories.settle(account)
    return account
