"""A step of a pipeline's execution: `python -m kedro_aws_plugin.job`, started by `bundle/bootstrap.py`."""
