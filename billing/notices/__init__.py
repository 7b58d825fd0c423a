"""Mails to people, each about one fact, in their language."""
