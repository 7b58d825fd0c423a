"""How instants are shown; Django looks here for each language before it asks itself."""
