"""What the AWS_* variables mean for S3A; no Spark, no Java."""

from types import SimpleNamespace

import pytest

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.s3a import apply_s3a, make_s3a_options, make_session_options
from local_aws import Credentials
from local_aws.control.state import environment

COMMITTER = {"mapreduce.fileoutputcommitter.algorithm.version": "1"}
CHAIN = {
    "fs.s3a.aws.credentials.provider": "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
}


def test_the_local_aws() -> None:
    credentials = Credentials("KEDROAWSLOCALAB12CD3", "local-secret")
    variables = environment("http://127.0.0.1:4566", "eu-west-1", credentials)
    assert make_s3a_options(variables) == {
        **COMMITTER,
        "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "fs.s3a.access.key": "KEDROAWSLOCALAB12CD3",
        "fs.s3a.secret.key": "local-secret",
        "fs.s3a.endpoint": "http://127.0.0.1:4566",
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false",
        "fs.s3a.endpoint.region": "eu-west-1",
    }


def test_no_property_has_the_secret_since_properties_are_on_javas_command_line() -> None:
    credentials = Credentials("KEDROAWSLOCALAB12CD3", "local-secret")
    made = make_session_options(environment("http://127.0.0.1:4566", "eu-west-1", credentials))
    assert made["spark.hadoop.fs.s3a.access.key"] == "KEDROAWSLOCALAB12CD3"
    assert "local-secret" not in str(made)


def test_the_real_aws_by_the_users_own_credentials_which_are_not_shown() -> None:
    users = {
        "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_PROFILE": "work",
    }
    assert make_s3a_options({**users, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}) == {
        **COMMITTER,
        **CHAIN,
        "fs.s3a.endpoint.region": "eu-west-1",
    }
    assert make_s3a_options({"AWS_DEFAULT_REGION": "us-east-1"})["fs.s3a.endpoint.region"] == "us-east-1"
    assert make_s3a_options({}) == {**COMMITTER, **CHAIN}


def test_an_endpoint_of_the_users() -> None:
    variables = {"AWS_ENDPOINT_URL": "http://other", "AWS_ENDPOINT_URL_S3": "https://s3.example.com:9000"}
    endpoint = {
        "fs.s3a.endpoint": "https://s3.example.com:9000",
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "true",
    }
    assert make_s3a_options(variables) == {**COMMITTER, **CHAIN, **endpoint}
    assert make_s3a_options({**variables, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}) == {
        **COMMITTER,
        **CHAIN,
    }


def test_a_spark_connect_session_is_refused() -> None:
    with pytest.raises(SparkError, match="The S3 settings of a Spark Connect session cannot be changed"):
        apply_s3a(SimpleNamespace(), {})  # type: ignore[arg-type]
