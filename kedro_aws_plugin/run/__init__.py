"""The run in force: its id, its parameters, and the record of how it makes a model."""
