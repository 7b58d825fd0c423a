"""The adapter for Kling AI's own API (可灵): signed calls, found by our ids, unsigned callbacks."""

from billing.gpu.adapters.kling.adapter import KIND

__all__ = ["KIND"]
