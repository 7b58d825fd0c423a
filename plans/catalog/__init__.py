"""One catalog: its file, what it may say, and how it is published."""
