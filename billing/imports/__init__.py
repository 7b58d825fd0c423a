"""Balances of another system: read strictly, looked at whole, given once."""
