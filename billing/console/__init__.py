"""The operators' console: pages that join what the windows show apart."""
