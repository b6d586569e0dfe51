"""Where this process's AWS requests go: one choice for our own clients and for whatever runs inside nodes.

boto3, s3fs, PyAthena, awswrangler and pandas all read the AWS_* variables, so these are the one place where
the choice can be made without an endpoint in the catalog. Only this process and its children are changed.
(pyarrow reads them for an s3:// URI; its S3FileSystem made by hand needs `endpoint_override`.)
"""

import os
import sys
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

_PREFIX = "AWS_"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ours: dict[str, str] = {}
_theirs: dict[str, str] = {}


def is_local(url: str) -> bool:
    """Tell whether requests to a URL stay on this machine, where the local AWS is."""
    return urlsplit(url).hostname in _LOOPBACK


def use_local(variables: Mapping[str, str]) -> None:
    """Point this process at the local AWS. Removes the user's profile, credentials and endpoints.

    Args:
        variables: The variables of `LocalAws.environment()`.
    """
    _replace(variables, _find_users_own())


def use_aws(region: str, local_key_prefix: str, local_names: Collection[str]) -> None:
    """Point this process at the real AWS, with the user's own credentials.

    Args:
        region: The region of aws.yml.
        local_key_prefix: What the access keys of local AWSs begin with. A shell that has one was pointed at a
            local AWS by `kedro aws local env`.
        local_names: The variables that such a shell has from there; they are removed.
    """
    users = _find_users_own()
    kept = {key: value for key, value in users.items() if not key.startswith("AWS_ENDPOINT_URL")}
    if users.get("AWS_ACCESS_KEY_ID", "").startswith(local_key_prefix):
        kept = {key: value for key, value in kept.items() if key not in local_names}
    regions = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    _replace({**kept, **regions, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, users)


def _find_users_own() -> dict[str, str]:
    """Find the user's AWS_* variables: those from before the last switch, and those that others set since."""
    since = {
        key: value for key, value in os.environ.items() if key.startswith(_PREFIX) and _ours.get(key) != value
    }
    return {**_theirs, **since}


def _replace(variables: Mapping[str, str], users: Mapping[str, str]) -> None:
    stale = [key for key in os.environ if key.startswith(_PREFIX) and key not in variables]
    changed = stale or any(os.environ.get(key) != value for key, value in variables.items())
    for key in stale:
        del os.environ[key]
    os.environ.update(variables)
    for known, values in ((_ours, variables), (_theirs, users)):
        known.clear()
        known.update(values)
    if changed:
        _forget_clients()


def _forget_clients() -> None:
    """Drop the clients that libraries keep for the whole process: they use the former endpoint."""
    if "boto3" in sys.modules:
        setattr(sys.modules["boto3"], "DEFAULT_SESSION", None)  # noqa: B010
    if "s3fs" in sys.modules:
        sys.modules["s3fs"].S3FileSystem.clear_instance_cache()
