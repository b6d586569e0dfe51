"""Processing jobs, as real processes."""
