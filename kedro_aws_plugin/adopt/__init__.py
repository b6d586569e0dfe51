"""Adopt an existing Kedro project: look at its catalog and pipelines, and plan the files that it lacks."""
