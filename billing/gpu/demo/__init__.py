"""A GPU backend without a GPU: a Cog predictor that draws a real mp4 on the processor."""
