"""llmagentos."""
