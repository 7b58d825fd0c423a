"""Packs that are bought by themselves when credits run low."""
