"""Build, check and serve a model.tar.gz."""
