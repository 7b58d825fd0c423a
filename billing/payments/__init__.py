"""Money in through Stripe: what Stripe says was paid."""
