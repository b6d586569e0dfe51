"""Start, find, fill and stop the local AWS. Cheap to import."""
