"""The version of this distribution, which both of its packages share."""

__version__ = "0.1.0"
