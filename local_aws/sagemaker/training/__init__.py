"""Training jobs, as real processes."""
