"""pyarrow reaches the S3 that boto3 reaches."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kedro_aws_plugin.aws.arrow_s3 import open_s3_filesystem
from kedro_aws_plugin.errors import AwsError, ConfigError
from local_aws import LocalAws


def test_what_pyarrow_writes_is_on_the_s3_of_the_environment(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.invalid:3128")
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="flights", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    table = pa.table({"a": [1, 2]})
    filesystem = open_s3_filesystem()
    pq.write_table(table, "flights/a=1/t.parquet", filesystem=filesystem)
    assert s3.list_objects_v2(Bucket="flights")["Contents"][0]["Key"] == "a=1/t.parquet"
    assert pq.ParquetFile("flights/a=1/t.parquet", filesystem=filesystem).read().equals(table)


def test_the_service_s_own_endpoint_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere.example.invalid")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.invalid:8443")
    keys = {"key": "AKIATEST", "secret": "s", "region_name": "eu-north-1"}
    made = open_s3_filesystem("eu-west-1", keys).__reduce__()[1][0]
    assert (made["scheme"], made["endpoint_override"]) == ("https", "s3.example.invalid:8443")
    assert (made["region"], made["access_key"]) == ("eu-north-1", "AKIATEST")


def test_aws_itself_needs_no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.invalid:3128")
    keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "s", "aws_session_token": None}
    made = open_s3_filesystem("eu-west-1", keys).__reduce__()[1][0]
    assert (made["scheme"], made["endpoint_override"]) == ("https", "")
    assert made["proxy_options"]["host"] == "proxy.example.invalid"


def test_credentials_that_boto3_does_not_know_are_named() -> None:
    with pytest.raises(ConfigError, match="`password` is not known"):
        open_s3_filesystem("eu-west-1", {"password": "x"})


def test_a_profile_that_does_not_exist_is_one_sentence() -> None:
    with pytest.raises(AwsError, match="no usable AWS credentials"):
        open_s3_filesystem("eu-west-1", {"profile_name": "nobody"})
