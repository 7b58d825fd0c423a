"""The cast of corrections: Ada in the sandbox, and two operators who may do everything."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from pytest_django import Settings

from billing.accounts.models import Account
from billing.insights import audit
from billing.outbox import gateway
from tests import factories
from tests.corrections import desk


@pytest.fixture
def shop(db: None) -> None:
    """A catalog is in force by which one adjustment may move 500 credits, and a day 1,000."""
    desk.open_shop()


@pytest.fixture
def ada(shop: None) -> Account:
    """Ada has an open wallet of a customer."""
    account = factories.new_account("ada", is_sandbox=False)
    factories.settle(account)
    return account


@pytest.fixture
def grace(db: None) -> User:
    """Grace may request and approve, as everybody of the finance team."""
    return operator("grace")


@pytest.fixture
def rosa(db: None) -> User:
    """Rosa may as well."""
    return operator("rosa")


@pytest.fixture
def vera(db: None) -> User:
    """Vera may look only."""
    return User.objects.create_user("vera", is_staff=True)


def operator(name: str) -> User:
    """Return an operator with every permission of corrections."""
    found = User.objects.create_user(name, is_staff=True)
    words = [*(f"{verb}_{what}" for verb in ("request", "approve") for what in desk.KINDS)]
    mine = Permission.objects.filter(codename__in=[*words, "resume_grants"])
    assert mine.count() == 5
    found.user_permissions.set(mine)
    return User.objects.get(pk=found.pk)


@pytest.fixture
def ends_clean(db: None) -> Iterator[None]:
    """Whatever the test did, no invariant is broken afterwards."""
    yield
    connection.check_constraints()
    assert [str(breach) for breach in audit.breaches()] == []


@pytest.fixture
def backend(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend is configured that nobody calls."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["m"],
            "concurrency": 2,
        }
    }
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
