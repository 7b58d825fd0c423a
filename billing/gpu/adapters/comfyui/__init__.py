"""The adapter for ComfyUI servers: a workflow with named slots."""

from billing.gpu.adapters.comfyui.adapter import KIND

__all__ = ["KIND"]
