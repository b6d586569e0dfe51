"""A Kedro project opened once, for the commands and the hooks."""
