"""Credits bought once, and what they bring along while they last."""
