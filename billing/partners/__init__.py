"""Who brings others, what they earn by it, and what became of that."""
