"""Brings the cast on."""

from tests.cast import ada, kling

__all__ = ["ada", "kling"]
