"""Tables of an account's own rows, as long as they are."""
