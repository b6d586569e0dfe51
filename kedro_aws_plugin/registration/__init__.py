"""Register a model: from a catalog entry to a plan, by command or after a run."""
