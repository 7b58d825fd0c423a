"""Work that must follow a commit: PostgreSQL remembers it, Celery is only rung."""
