"""Every file of the packages below is imported, so that its operations and pages are known."""

import importlib
import pkgutil
from typing import Final

_PACKAGES: Final = ("objects", "billing", "pages")


def load() -> None:
    """Know every operation, page, and source of what is due."""
    for name in _PACKAGES:
        package = importlib.import_module(f"tests.stripe_peer.{name}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
