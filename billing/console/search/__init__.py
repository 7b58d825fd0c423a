"""The one box in which operators look for anything by what they have of it."""
