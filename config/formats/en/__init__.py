"""How English shows dates and instants."""
