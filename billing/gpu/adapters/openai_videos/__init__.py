"""The adapter for whatever speaks `/v1/videos`: servers of one's own, and gateways."""

from billing.gpu.adapters.openai_videos.adapter import KIND

__all__ = ["KIND"]
