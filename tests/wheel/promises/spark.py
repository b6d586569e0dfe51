"""The extra [spark]: the settings of a session and the jars that it needs; no Java is started."""

import subprocess
import sys

from pyspark import SparkConf

from kedro_aws_plugin.spark.jars import check_jars, find_s3a_settings
from kedro_aws_plugin.spark.s3a import make_session_options

variables = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "eu-west-1"}
conf = SparkConf(loadDefaults=False).setAll(list(make_session_options(variables).items()))
assert conf.get("spark.hadoop.fs.s3a.endpoint") == "http://127.0.0.1:1"
packages = find_s3a_settings({})["spark.jars.packages"]
check_jars({"spark.jars.packages": ",".join(packages)}, {})
command = [sys.executable, "-m", "kedro", "aws", "spark-jars"]
printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
assert [f"  - {package}" in printed.splitlines() for package in packages] == [True] * len(packages), printed
