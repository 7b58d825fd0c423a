"""Tells operators once of what is wrong, and once when it is well again."""
