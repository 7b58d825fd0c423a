"""Test clocks: time that a platform's tests move, for sandbox accounts alone."""
