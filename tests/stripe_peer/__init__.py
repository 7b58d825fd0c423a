"""An emulator of Stripe, for tests and for a laptop without a key: a process of its own."""
