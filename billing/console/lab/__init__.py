"""The pages of the pricing lab."""
