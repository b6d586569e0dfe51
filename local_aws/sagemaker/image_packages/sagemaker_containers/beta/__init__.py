"""The only part of the package that scripts import."""
