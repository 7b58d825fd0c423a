"""What a process says of itself while it works: counts for Prometheus, and traces."""
