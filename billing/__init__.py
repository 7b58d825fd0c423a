"""What happens to credits: one package a domain."""
