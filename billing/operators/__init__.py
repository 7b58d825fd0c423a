"""Operators: how they prove who they are, what each may do, and what is written down of it."""
