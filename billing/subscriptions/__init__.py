"""Who is on which plan, and what it gives."""
