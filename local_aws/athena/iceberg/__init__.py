"""Iceberg tables: pyiceberg reads and commits their metadata, DuckDB reads their files and computes."""
