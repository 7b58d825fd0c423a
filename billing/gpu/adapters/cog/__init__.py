"""The adapter for servers that speak Cog's HTTP protocol."""

from billing.gpu.adapters.cog.adapter import KIND

__all__ = ["KIND"]
