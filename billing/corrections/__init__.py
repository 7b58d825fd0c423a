"""Credits given or taken by hand, and after an incident: by two persons, within bounds."""
