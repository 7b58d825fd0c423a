"""Telling other systems what happened, in signed messages (Standard Webhooks)."""
