"""Where this project differs from Kedro's defaults."""

from kedro_aws_plugin import AwsConfigLoader

CONFIG_LOADER_CLASS = AwsConfigLoader  # knows `globals:` of aws.yml where there is no run
