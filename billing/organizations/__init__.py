"""Organizations: their members, their pool of credits, and what they give to others."""
