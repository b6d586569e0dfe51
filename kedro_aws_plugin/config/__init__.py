"""conf/<env>/aws.yml as frozen models, with errors that name file, key and fix."""
