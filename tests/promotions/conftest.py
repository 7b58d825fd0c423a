"""The cast of the promotions' tests is that of the packs'."""

from tests.packs.conftest import ada, shop

__all__ = ["ada", "shop"]
