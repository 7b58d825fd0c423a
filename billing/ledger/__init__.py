"""The only code that writes credits."""
