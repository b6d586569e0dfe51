"""The run in force: its id, its parameters, the commit it started from."""
