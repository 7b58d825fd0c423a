"""What operators write down on an account, for each other."""
