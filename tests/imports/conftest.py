"""The cast of imports: a shop in force, a superuser, and files of balances."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tests import factories

Writer = Callable[..., Path]


@pytest.fixture
def shop(db: None) -> None:
    """The usual catalog is in force."""
    factories.publish_kling()


@pytest.fixture
def grace(db: None) -> User:
    """Grace is a superuser."""
    return User.objects.create_superuser("grace")


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Return what writes a file of these lines."""

    def written(*lines: str, name: str = "balances.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return path

    return written
