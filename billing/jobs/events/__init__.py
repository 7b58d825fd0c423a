"""A job's events as they happen, streamed to many by one process that asks once for all."""
