"""Kedro's settings: all defaults. Without this file, Kedro prints a warning with each command."""
