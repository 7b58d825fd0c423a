"""What the service's speed is, each case beside its limit, in one run."""
