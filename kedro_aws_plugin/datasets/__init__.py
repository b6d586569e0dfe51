"""Kedro datasets for AWS."""
