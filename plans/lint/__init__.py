"""What a valid catalog probably does not mean: hints with a remedy, never a refusal."""
