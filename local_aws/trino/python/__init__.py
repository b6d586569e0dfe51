"""Functions that DuckDB has not, or has otherwise than Trino, in Python."""
