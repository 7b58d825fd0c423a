"""The adapter for Alibaba's DashScope (百炼), the home of Wanxiang: asked, never called back."""

from billing.gpu.adapters.dashscope.adapter import KIND

__all__ = ["KIND"]
