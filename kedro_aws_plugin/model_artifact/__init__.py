"""The model.tar.gz: how it is built, checked and served."""
