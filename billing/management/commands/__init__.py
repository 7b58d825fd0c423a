"""Thin: each parses, calls one service, prints."""
