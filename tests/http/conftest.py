"""Brings the cast on."""

from tests.http.cast import _static_files, ada, bob, catalog, get, now, post

__all__ = ["_static_files", "ada", "bob", "catalog", "get", "now", "post"]
