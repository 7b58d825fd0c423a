"""The adapter for the video API of Zhipu (bigmodel.cn) and Z.ai: CogVideoX."""

from billing.gpu.adapters.zhipu.adapter import KIND

__all__ = ["KIND"]
