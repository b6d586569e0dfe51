"""The local Athena: Trino SQL over the local S3 and Glue, answered by DuckDB."""
