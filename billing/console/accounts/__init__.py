"""The page of an account: all that is known of it, and why its balance is what it is."""
