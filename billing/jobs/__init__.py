"""One generation, from the order to the result."""
