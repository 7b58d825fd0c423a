"""The adapter for servers that speak Cog's HTTP protocol."""
