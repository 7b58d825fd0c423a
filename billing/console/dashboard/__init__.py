"""The dashboard: what the business does, from sums of days and from the small live tables."""
