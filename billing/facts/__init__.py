"""How things stand in the database, in figures for Prometheus."""
