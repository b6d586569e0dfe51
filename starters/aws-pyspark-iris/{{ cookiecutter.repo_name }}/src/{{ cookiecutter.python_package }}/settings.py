"""The settings of this project that differ from Kedro's defaults."""

from kedro_aws_plugin import AwsConfigLoader

CONFIG_LOADER_CLASS = AwsConfigLoader  # resolves `globals:` of aws.yml outside of runs too
