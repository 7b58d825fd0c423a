"""Grace, who is an operator, and the door that she comes in by."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from billing.operators import codes, selectors, services
from billing.operators.codes import STEP_SECONDS
from billing.operators.roles import Role

CODE_PAGE: Final = "/admin/login/code/"
ENROL_PAGE: Final = "/admin/login/enrol/"


@dataclass
class Visitor:
    """Somebody in front of a browser, who knows a name, a password and perhaps has a device."""

    user: User
    password: str
    browser: Client
    secret: str = ""
    steps: int = 0

    def type_password(self, password: str | None = None, **headers: Any) -> Any:  # noqa: ANN401 (a test's answer)
        """Send the first page."""
        said = {"username": self.user.username, "password": password or self.password}
        return self.browser.post("/admin/login/", said, **headers)

    def next_code(self) -> str:
        """Return a code that was not taken yet; the device's clock is at most half a minute off.

        Each call takes the next of the steps that count now.
        """
        self.steps += 1
        assert self.steps <= 3, "three steps count at a time"
        off = timedelta(seconds=(self.steps - 2) * STEP_SECONDS)
        return codes.code_at(self.secret, timezone.now() + off)

    def enrol(self) -> Any:  # noqa: ANN401 (a test's answer)
        """Set up a device at the first sign-in."""
        self.type_password()
        secret = selectors.offered_secret(self.user)
        assert secret is not None
        self.secret = secret
        return self.browser.post(ENROL_PAGE, {"code": self.next_code()})

    def is_in(self) -> bool:
        """Say whether the first page opens."""
        return bool(self.browser.get("/admin/").status_code == 200)


@pytest.fixture(autouse=True)
def _spare_what_takes_time(settings: Settings) -> None:
    """Spare these tests the collecting of static files, and slow hashes."""
    settings.PASSWORD_HASHERS = ["tests.signing_in.hashing.Quick"]
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def grace(db: None) -> Visitor:
    """Grace does finance, and has yet to come in."""
    user, password = services.create_operator(
        name="grace", roles=[Role.FINANCE], now=timezone.now()
    )
    return Visitor(user, password, Client())


@pytest.fixture
def root(db: None) -> Visitor:
    """Root may do everything, and has yet to come in."""
    user, password = services.create_operator(
        name="root", roles=[], is_superuser=True, now=timezone.now()
    )
    return Visitor(user, password, Client())
