"""The adapter for Vidu's API (ent/v2)."""

from billing.gpu.adapters.vidu.adapter import KIND

__all__ = ["KIND"]
