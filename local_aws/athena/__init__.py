"""Athena's API over Glue tables and files on the local S3."""
