"""The adapter for Replicate's predictions."""

from billing.gpu.adapters.replicate.adapter import KIND

__all__ = ["KIND"]
