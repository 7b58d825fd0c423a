"""What every edge shares: refusals, idempotency, pages, the contract."""
