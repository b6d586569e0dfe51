"""Where this process's AWS requests go: one choice for our own clients and for whatever runs inside nodes.

boto3, s3fs, PyAthena, awswrangler and pandas all read the AWS_* variables, so these are the one place where
the choice can be made without an endpoint in the catalog. Only this process and its children are changed.
(pyarrow reads them for an s3:// URI; its S3FileSystem made by hand needs `endpoint_override`.)
"""

import os
import sys
from collections.abc import Mapping, Sequence

_PREFIX = "AWS_"
_original: dict[str, str] = {}
_switched = False


def use_local(variables: Mapping[str, str]) -> None:
    """Point this process at the local AWS; no profile, credential or endpoint of the user's remains.

    Args:
        variables: What `LocalAws.environment()` gives.
    """
    _remember()
    _replace({**variables, **_no_proxy()})


def use_aws(region: str, local_key_id: str) -> None:
    """Point this process at the real AWS, by the user's own credential chain.

    Args:
        region: The region of aws.yml.
        local_key_id: The access key that only the local AWS uses; a shell that was pointed at the local AWS
            (`kedro aws local env`) is seen by it, and its variables are dropped.
    """
    _remember()
    variables = dict(_original)
    if variables.get("AWS_ACCESS_KEY_ID") == local_key_id:
        variables = {}
    variables = {key: value for key, value in variables.items() if not key.startswith("AWS_ENDPOINT_URL")}
    _replace(
        {
            **variables,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        }
    )


def _remember() -> None:
    """Keep the user's own variables: a second session in this process may choose the other AWS."""
    global _switched  # noqa: PLW0603
    if not _switched:
        _original.update({key: value for key, value in os.environ.items() if key.startswith(_PREFIX)})
        _switched = True


def _replace(variables: Mapping[str, str]) -> None:
    current = {key: os.environ.get(key) for key in variables}
    stale = [key for key in os.environ if key.startswith(_PREFIX) and key not in variables]
    if not stale and current == dict(variables):
        return
    for key in stale:
        del os.environ[key]
    os.environ.update(variables)
    _forget_clients()


def _no_proxy() -> dict[str, str]:
    """Keep requests to 127.0.0.1 away from a proxy."""
    hosts = [host for host in os.environ.get("NO_PROXY", os.environ.get("no_proxy", "")).split(",") if host]
    both = ",".join(_with(hosts, "127.0.0.1"))
    return {"NO_PROXY": both, "no_proxy": both}


def _with(hosts: Sequence[str], host: str) -> list[str]:
    return [*hosts] if host in hosts else [*hosts, host]


def _forget_clients() -> None:
    """Drop the clients that libraries keep for the whole process and that know the former endpoint."""
    if "boto3" in sys.modules:
        setattr(sys.modules["boto3"], "DEFAULT_SESSION", None)  # noqa: B010
    if "s3fs" in sys.modules:
        sys.modules["s3fs"].S3FileSystem.clear_instance_cache()
