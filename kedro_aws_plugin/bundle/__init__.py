"""The files of a job: the project as a wheel, its configuration, and what starts them in a container."""
