"""Trino's semantics on DuckDB."""
