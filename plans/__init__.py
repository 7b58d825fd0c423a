"""What is for sale. It knows no account, no balance and no payment."""
