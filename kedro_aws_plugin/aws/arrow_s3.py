"""pyarrow's S3 file system with the endpoint, credentials and proxy that boto3 would use."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.utils import get_environ_proxies
from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

from kedro_aws_plugin.aws.binding import is_aws_host
from kedro_aws_plugin.aws.credentials import create_dataset_session
from kedro_aws_plugin.aws.errors import translate_errors

_CONNECT_TIMEOUT = 5
_REQUEST_TIMEOUT = 60
"""Seconds. The AWS SDK's default of three seconds would end a large read from a busy server."""
_ATTEMPTS = 5


def open_s3_filesystem(
    region: str | None = None, credentials: Mapping[str, Any] | None = None
) -> S3FileSystem:
    """Open the file system through which pyarrow reads and writes ``bucket/key``.

    pyarrow alone reads neither AWS_ENDPOINT_URL nor most of botocore's credential chain (SSO,
    `credential_process`), so boto3 resolves both. Credentials that expire are not renewed: make a file system
    for each load and save.

    Args:
        region: AWS region, e.g. ``eu-west-1``; by default botocore's.
        credentials: The catalog entry's; see `create_dataset_session`.

    Raises:
        AwsError: If there are no usable credentials.

    Example:
        >>> pyarrow.parquet.read_table("my-flights/data/reviews.parquet", filesystem=open_s3_filesystem())
    """
    with translate_errors("open S3"):
        session = create_dataset_session(region, credentials)
        client = session.client("s3")
        found = session.get_credentials()
        keys = found.get_frozen_credentials() if found else None
    url = client.meta.endpoint_url
    identity: dict[str, Any] = (
        {"access_key": keys.access_key, "secret_key": keys.secret_key, "session_token": keys.token}
        if keys
        else {"anonymous": True}
    )
    return S3FileSystem(
        region=client.meta.region_name,
        connect_timeout=_CONNECT_TIMEOUT,
        request_timeout=_REQUEST_TIMEOUT,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        **identity,
        **_endpoint(url),
        **_proxy(url),
    )


def _endpoint(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    if is_aws_host(parts.hostname):
        return {}
    return {"endpoint_override": parts.netloc, "scheme": parts.scheme}


def _proxy(url: str) -> dict[str, str]:
    proxy = get_environ_proxies(url).get(urlsplit(url).scheme)
    return {"proxy_options": proxy} if proxy else {}
