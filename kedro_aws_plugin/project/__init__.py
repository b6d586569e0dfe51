"""Read the project: its catalog, its raw data, the input of a prediction."""
