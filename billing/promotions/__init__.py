"""Credits given for a reason: campaigns with a budget, and codes that are redeemed."""
