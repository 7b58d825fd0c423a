"""How Simplified Chinese shows dates and instants."""
