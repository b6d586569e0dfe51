"""The version of this distribution."""

from local_aws import __version__

__all__ = ["__version__"]
