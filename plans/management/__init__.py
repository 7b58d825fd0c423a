"""The command line of `plans`."""
