"""A laptop's PostgreSQL, Redis and process tree; production uses none of this package."""
