"""Who pays, who calls, and how callers prove themselves."""
