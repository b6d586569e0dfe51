"""Pipelines and their executions, whose steps are jobs that run."""
