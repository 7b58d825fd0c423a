"""Reads across the whole of `billing`: what is wrong, and why things are as they are."""
