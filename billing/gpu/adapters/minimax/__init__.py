"""The adapter for MiniMax's video API: v2 (H3), and v1 (Hailuo)."""

from billing.gpu.adapters.minimax.adapter import KIND

__all__ = ["KIND"]
