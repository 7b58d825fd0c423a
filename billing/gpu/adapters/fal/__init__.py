"""The adapter for fal's queue."""

from billing.gpu.adapters.fal.adapter import KIND

__all__ = ["KIND"]
