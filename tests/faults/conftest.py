"""Brings the whole service on."""

from tests.flows.conftest import cog, story

__all__ = ["cog", "story"]
