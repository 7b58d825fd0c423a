"""Brings the cast on: Ada and her credits, and the studio that she founds with Ben and Cleo."""

from tests.cast import ada, kling
from tests.organizations.conftest import _away, team

__all__ = ["_away", "ada", "kling", "team"]
