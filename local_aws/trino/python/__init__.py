"""Functions in Python that DuckDB does not have, or has with another meaning than Trino."""
