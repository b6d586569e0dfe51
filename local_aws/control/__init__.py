"""Start, find, fill and stop the local AWS; cheap to import."""
