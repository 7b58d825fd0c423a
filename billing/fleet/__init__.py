"""What is known of each backend at run time: whether it may have work now, and how much."""
