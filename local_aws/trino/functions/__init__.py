"""The functions that the local Athena knows, a table a topic."""
