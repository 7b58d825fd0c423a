"""Sums of days, which pages read in place of history."""
