"""The adapter for Volcengine Ark (火山方舟), the home of Seedance: tokens, a listing, unsigned."""

from billing.gpu.adapters.ark.adapter import KIND

__all__ = ["KIND"]
