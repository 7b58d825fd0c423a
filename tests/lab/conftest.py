"""A shop that has sold, and the people who work on its prices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.test import Client

from billing.lab import services
from billing.operators import services as operators
from plans import drafting
from plans import selectors as plans
from plans.models import CatalogVersion, Draft, Simulation
from tests.cast import ada, kling
from tests.insights.conftest import buyer, eve, shop
from tests.operators import signed_in

__all__ = ["ada", "buyer", "eve", "kling", "shop"]

NOW = datetime.now(UTC)
Simulate = Callable[[Draft], Simulation]


@pytest.fixture(autouse=True)
def _static_files() -> None:
    """Make the folder that whitenoise looks for."""
    Path(django_settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


def person(name: str, role: str) -> User:
    """Return an operator of a role."""
    operators.keep_roles()  # as `migrate` does
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return User.objects.get(pk=user.pk)


def browser_of(user: User) -> Client:
    """Return a browser with this operator in it."""
    return signed_in(Client(raise_request_exception=False), user)


@pytest.fixture
def carla(db: None) -> User:
    """Carla manages the catalog."""
    return person("carla", "catalog manager")


@pytest.fixture
def colin(db: None) -> User:
    """Colin manages the catalog as well."""
    return person("colin", "catalog manager")


@pytest.fixture
def fiona(db: None) -> User:
    """Fiona is of finance."""
    return person("fiona", "finance")


@pytest.fixture
def vera(db: None) -> User:
    """Vera looks."""
    return person("vera", "viewer")


@pytest.fixture
def draft(shop: None, carla: User) -> Draft:
    """Carla has begun a draft from the catalog in force."""
    version = plans.current().version_id
    return drafting.begin(
        name="dearer standard",
        source=CatalogVersion.objects.get(pk=version).source,
        base_version_id=version,
        author=carla,
        now=NOW,
    )


@pytest.fixture
def simulate(carla: User) -> Simulate:
    """Return what puts a draft beside the catalog in force at once, as a worker does."""

    def run(draft: Draft) -> Simulation:
        now = datetime.now(UTC)
        asked = services.request_simulation(
            draft=draft,
            since=now - timedelta(days=30),
            until=now + timedelta(days=1),
            requester=carla,
            now=now,
        )
        assert services.simulate(asked.pk, clock=lambda: datetime.now(UTC))
        asked.refresh_from_db()
        return asked

    return run


def text_of(draft: Draft) -> str:
    """Return what a draft says now."""
    draft.refresh_from_db()
    return drafting.revision_of(draft).source


def changed(draft: Draft, author: User, old: str, new: str) -> Draft:
    """Replace a text of a draft, which it must have, and save."""
    text = text_of(draft)
    assert old in text, old
    drafting.revise(
        draft_id=draft.pk,
        source=text.replace(old, new, 1),
        expected=draft.revision,
        author=author,
        now=datetime.now(UTC),
    )
    draft.refresh_from_db()
    return draft
