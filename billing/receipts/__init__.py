"""Receipts: what the ledger says of one entry, signed, so that anyone can check it without us."""
