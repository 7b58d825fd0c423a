"""The operators' site: how they come in, and what guards each act. `windows` shows it in rows."""
