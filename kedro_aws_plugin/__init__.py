"""From `kedro new` to a model serving on AWS, without leaving Kedro."""

__version__ = "0.1.0"
