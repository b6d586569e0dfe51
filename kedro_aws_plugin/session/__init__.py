"""Open a Kedro project once, for the commands and the hooks."""
