"""The version of the distribution, for both of its packages."""

__version__ = "0.1.0"
